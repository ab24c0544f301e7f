/*
 * Kept messages on their way to one client (I15, I16, I18, I19). Read README.md first.
 *
 * Two processes append to the outbox of a session. A client is connected to process 0; the link is cut and made again. What
 * process 1 appends is announced to process 0; an announcement may be lost, or may overtake another. The store keeps KEPT
 * entries, and may fall back to an older copy (FAILOVERS).
 *
 * A message is a number from 1 to M, new with each append. A chain stands for all entries up to an offset. Here it is the list of
 * their messages itself, in base M + 1, so that two different histories never have the same one.
 */
#ifndef M
#define M 3          /* messages in all */
#endif
#ifndef KEPT
#define KEPT 2       /* entries that are kept */
#endif
#ifndef CUTS
#define CUTS 1
#endif
#ifndef FAILOVERS
#define FAILOVERS 1
#endif
#ifndef LOSSES
#define LOSSES 1     /* announcements that are lost */
#endif

#ifndef REPEATS
#define REPEATS 0    /* an append that is sent again after a failover */
#endif

#define BASE (M + 1)
#define MIX(chain, message) ((chain) * BASE + (message))

/* The outbox: entries first … last, at the index of their offset. */
byte entry[M + 1]; byte first = 1; byte last; short chainAt[M + 1];
byte olderEntry[M + 1]; byte olderFirst = 1; byte olderLast; short olderChainAt[M + 1];
byte appended;      /* how many messages there were: the next one is appended + 1 */
byte failovers = FAILOVERS; byte losses = LOSSES; byte cuts = CUTS; byte repeats = REPEATS;

/* From the store to process 0: offset, chain before, message. The receiver may take any of them, so that one may overtake another. */
chan announced = [M + REPEATS] of { byte, short, byte };
/* From process 0 to the client: what a frame means. */
mtype = { KEPT_FRAME, MISSED_FRAME };
chan down = [2 * M + 2 + REPEATS] of { mtype, byte, short, byte };   /* offset (or the last one missed), its chain, message */

/* The server's pointer for the connection, and the client's position. */
byte at; short atChain; bool connected; bool catchingUp;
byte position; short positionChain;
byte got[M + 1];         /* how often the client was given a message */
byte missedUpTo;         /* the last offset that the client was told to have missed */

inline append(m) {
#ifdef BUG_OFFSET_TWICE
  if :: last > first -> last-- :: skip fi;
#endif
  last++;
#ifdef BUG_CHAIN_NOT_MIXED
  chainAt[last] = m;
#else
  chainAt[last] = MIX(chainAt[last - 1], m);
#endif
  entry[last] = m;
  if :: last - first + 1 > KEPT -> first++ :: else -> skip fi;
  announced!last, chainAt[last - 1], m
}

#define COPY(toEntry, toFirst, toLast, toChain, fromEntry, fromFirst, fromLast, fromChain) \
  i = 0; do :: i <= M -> toEntry[i] = fromEntry[i]; toChain[i] = fromChain[i]; i++ :: else -> break od; \
  toFirst = fromFirst; toLast = fromLast; i = 0

active proctype Store() {
  byte i;
end:
  do
  :: atomic { appended < M && last < M -> appended++; append(appended) }
  /* The call of the last but one message is repeated: its answer, and the message, were lost with the failover. */
  :: atomic { (repeats > 0 && failovers < FAILOVERS && appended > 2 && last > 0 && last < M) ->
      i = 1;
      do :: i <= last && entry[i] != appended - 1 -> i++ :: else -> break od;
      if :: i > last -> repeats--; append(appended - 1) :: else -> skip fi;
      i = 0 }
  :: atomic { failovers > 0 && olderLast != last ->
      COPY(olderEntry, olderFirst, olderLast, olderChainAt, entry, first, last, chainAt) }
  :: atomic { failovers > 0 -> failovers--;
      COPY(entry, first, last, chainAt, olderEntry, olderFirst, olderLast, olderChainAt) }
  :: atomic { losses > 0 && nempty(announced) -> losses--; announced?_, _, _ }
  od
}

inline frame(offset, itsChain, message) {
  down!KEPT_FRAME, offset, itsChain, message;
  atChain = itsChain; at = offset
}

/* Whether the store has the position (offset, chain): it can tell from the entry before the first on. */
#define IS_VERIFIABLE(offset) ((offset) + 1 >= first && (offset) <= last)
#ifdef BUG_NO_CHAIN
#define IS_OTHER_HISTORY(offset, itsChain) ((offset) > last)
#else
#define IS_OTHER_HISTORY(offset, itsChain) ((offset) > last || (IS_VERIFIABLE(offset) && chainAt[offset] != (itsChain)))
#endif

/* One page is one entry: the next one is read after it, and others may append in between. */
inline readOne() {
  if
  :: IS_OTHER_HISTORY(at, atChain) || at + 1 < first ->
    /* What the client had is not what the store has, or is not there any more: told, and all that is kept follows. */
    at = first - 1; atChain = chainAt[first - 1];
#ifndef BUG_SILENT_HOLE
    down!MISSED_FRAME, at, atChain, 0
#endif
  :: else ->
    if
    :: at < last -> frame(at + 1, chainAt[at + 1], entry[at + 1])
    :: else -> catchingUp = false
    fi
  fi
}

active proctype Process() {
  byte offset, message; short before;
end:
  do
  :: atomic { connected && catchingUp && nfull(down) -> readOne() }
  /* Any of the announcements that are there. */
  :: atomic { connected && !catchingUp && nempty(announced) && nfull(down) ->
      if :: announced?offset, before, message
         :: len(announced) > 1 -> announced?offset, before, message; announced!offset, before, message;
            announced?offset, before, message
      fi;
      if
#ifdef BUG_LIVE_BY_OFFSET
      :: offset == at + 1 -> frame(offset, MIX(before, message), message)
      :: offset > at + 1 -> catchingUp = true
      :: else -> skip
#else
      :: offset == at + 1 && before == atChain -> frame(offset, MIX(before, message), message)
      :: else -> catchingUp = true
#endif
      fi;
      offset = 0; message = 0; before = 0 }
  :: atomic { (!connected || catchingUp) && nempty(announced) -> announced?_, _, _ }
  /* The sweep: where the pointer is not the outbox's end, it is caught up. */
#ifdef BUG_SWEEP_BY_OFFSET
  :: atomic { connected && !catchingUp && empty(announced) && at != last -> catchingUp = true }
#else
  :: atomic { connected && !catchingUp && empty(announced) && (at != last || atChain != chainAt[last]) -> catchingUp = true }
#endif
  od
}

active proctype Client() {
  byte i, offset, message; short itsChain; mtype type;
  /* A newcomer begins where the outbox ends at the handshake. */
  atomic { position = last; positionChain = chainAt[last];
    i = 1; do :: i <= last -> got[entry[i]] = 1; i++ :: else -> break od; i = 0 };
connect:
  atomic {
    at = position; atChain = positionChain;
#ifdef BUG_STARTS_AT_END
    at = last; atChain = chainAt[last];
#endif
    connected = true; catchingUp = true
  };
end:
  do
  :: atomic { down?type, offset, itsChain, message ->
      if
      :: type == KEPT_FRAME ->
        got[message]++;
        assert(offset == position + 1);                       /* I15: rising, without a gap */
#ifndef BUG_CHAIN_NOT_MIXED
        assert(itsChain == MIX(positionChain, message));       /* I16: the position is one of a history */
#endif
        position = offset; positionChain = itsChain
      :: type == MISSED_FRAME -> position = offset; positionChain = itsChain; missedUpTo = offset;
        /* What comes from here on is another history: a message may come again. */
        i = 1; do :: i <= M -> got[i] = 0; i++ :: else -> break od
      fi;
      i = 0; offset = 0; message = 0; itsChain = 0; type = 0 }
  :: atomic { cuts > 0 -> cuts--; connected = false; catchingUp = false;
      do :: nempty(down) -> down?_, _, _, _ :: empty(down) -> break od;
      goto connect }
  od
}

/* Nothing can move any more: the client has all that is kept, each once, or was told. */
active proctype Quiet() {
  byte i;
end:
  timeout ->
    assert(!connected || (position == last && positionChain == chainAt[last]));     /* I16, I19 */
    assert(failovers < FAILOVERS || last == appended);      /* I17: each append has an offset of its own */
    i = (first > missedUpTo -> first : missedUpTo + 1);
    do
    :: i <= last -> assert(!connected || got[entry[i]] == 1); i++                    /* I15, I16 */
    :: else -> break
    od
}

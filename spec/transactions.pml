/*
 * Numbered messages of one client, and what becomes of each (I21, I22, I23, I24). Read README.md first.
 *
 * One client sends N messages, in order, over CONNS connections, one after the other. A connection may be cut at any step; its
 * server may notice that late and work on ("half-open"). Each connection has its own process, which may be killed at
 * any step. A commit is one call to the store: the call may be lost, be repeated, or arrive after its sender has died.
 *
 * Budgets bound the search; each is a number of events: REFUSALS (a handler refuses), KILLS, REPEATS (of a call), WRITERS (somebody
 * else changes the session), FORGETS (the record of this client is dropped), FAILOVERS (the store falls back to an older copy).
 */
#ifndef N
#define N 2
#endif
#ifndef CONNS
#define CONNS 2
#endif
#ifndef REFUSALS
#define REFUSALS 1
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef REPEATS
#define REPEATS 1
#endif
#ifndef WRITERS
#define WRITERS 0
#endif
#ifndef FORGETS
#define FORGETS 0
#endif
#ifndef FAILOVERS
#define FAILOVERS 0
#endif

#define BIT(n) (1 << (n))
#define HAS(set, n) (((set) & BIT(n)) != 0)

mtype:message = { QUEUED, SENT, RESOLVED, REJECTED, UNKNOWN };
mtype:frame = { HELLO, ACK, NACK, BEHIND_TOLD, FORGOTTEN_TOLD };
mtype:outcome = { COMMITTED, SETTLED, CONFLICT, BEHIND, FORGOTTEN };

/* What the store has of the session. */
typedef Session {
  bool record;      /* whether there is a record of the client */
  byte settled;     /* the last number that is settled */
  byte refused;     /* which numbers were settled without a change */
  byte mark;        /* changes when a record is dropped */
  byte version;     /* of the data */
  byte done;        /* which messages have changed the data */
  byte kept;        /* which messages have their answer in the outbox */
};
Session stored;
Session older;      /* what a replica has */
bool failedOver;
bool attachedSince;   /* the client's connection was made after the failover */
bool overtaken;       /* after the failover an earlier connection settled a number: the limit in README.md */

/* A commit on its way, and its answer: one at a time on each connection. */
typedef Commit { byte number; bool refuses; byte version; byte mark; byte base };
Commit commit[CONNS];
bool underWay[CONNS];
chan answers[CONNS] = [2] of { mtype:outcome, byte, byte, byte };   /* outcome, settled, refused, mark */

/* The link. Down: frame, number or last settled, refused, mark, whether there is a record. */
chan up[CONNS] = [N] of { bit };
chan down[CONNS] = [3 * N + 3] of { mtype:frame, byte, byte, byte, bool };
bool clientSide[CONNS];    /* the client has not given the connection up */
bool serverSide[CONNS];    /* the process lives, and has not noticed that the client is gone */
byte attachFrom[CONNS];
byte attachMark[CONNS];

byte current;              /* the client's connection */
mtype:message state[N + 1] = QUEUED;
byte sentOn[N + 1];        /* the first connection that it was sent on */
byte toldLost;             /* messages that the client was told to be lost after they were settled */

byte refusals = REFUSALS; byte kills = KILLS; byte repeats = REPEATS;
byte writers = WRITERS; byte forgets = FORGETS; byte failovers = FAILOVERS;

/* ---- The store ---- */

inline change(m) {
  assert(!HAS(stored.done, m));                              /* I21: at most once */
  assert(failedOver || state[m] != REJECTED);             /* I21: what was refused stays so */
  stored.done = stored.done | BIT(m);
  stored.kept = stored.kept | BIT(m);
  stored.version++
}
inline storeNumber(m) {
  stored.settled = m;
  stored.record = true
}

#define IS_FORGOTTEN (!stored.record && commit[k].mark != stored.mark)

/* The script. Every comparison comes before every write. */
inline runCommit(k) {
  if
#ifndef BUG_NUMBER_NOT_COMPARED
  :: stored.record && commit[k].number <= stored.settled -> answers[k]!SETTLED, stored.settled, stored.refused, stored.mark
#else
  :: false -> skip
#endif
#ifndef BUG_FORGOTTEN_RUNS
  :: IS_FORGOTTEN -> answers[k]!FORGOTTEN, 0, 0, stored.mark
#endif
#ifndef BUG_LOSS_PASSED_OVER
  :: !IS_FORGOTTEN && stored.settled < commit[k].base && stored.settled < commit[k].number ->
    answers[k]!BEHIND, stored.settled, stored.refused, stored.mark
#endif
  :: else ->
    if
    :: !commit[k].refuses && commit[k].version != stored.version -> answers[k]!CONFLICT, 0, 0, 0
    :: else ->
      if
      :: commit[k].refuses -> stored.refused = stored.refused | BIT(commit[k].number)
      :: else ->
        change(commit[k].number)
#ifdef BUG_NO_OUTBOX
        ; stored.kept = stored.kept & ~BIT(commit[k].number)
#endif
      fi;
      storeNumber(commit[k].number);
      if :: failedOver && k != current -> overtaken = true :: else -> skip fi;
      answers[k]!COMMITTED, stored.settled, stored.refused, stored.mark
    fi
  fi;
  assert(stored.done == stored.kept)                            /* I22 */
}

#define COPY(to, from) \
  to.record = from.record; to.settled = from.settled; to.refused = from.refused; to.mark = from.mark; \
  to.version = from.version; to.done = from.done; to.kept = from.kept

active proctype Store() {
  byte k;
end:
  do
  :: atomic {
      if :: underWay[0] -> k = 0 :: underWay[1 % CONNS] -> k = 1 % CONNS :: underWay[CONNS - 1] -> k = CONNS - 1 fi;
      if
      :: len(answers[k]) < 2 ->
        if
        :: underWay[k] = false
        :: repeats > 0 && len(answers[k]) == 0 -> repeats--
        fi;
#if defined(BUG_NUMBER_WITHOUT_CHANGE) || defined(BUG_CHANGE_WITHOUT_NUMBER)
        if
        :: kills > 0 && !commit[k].refuses && commit[k].number > stored.settled && commit[k].version == stored.version ->
          /* Two steps instead of one: the process between them is killed. */
          kills--; serverSide[k] = false; underWay[k] = false;
#ifdef BUG_NUMBER_WITHOUT_CHANGE
          storeNumber(commit[k].number)
#else
          change(commit[k].number)
#endif
        :: runCommit(k)
        fi;
#else
        runCommit(k);
#endif
        k = 0
      :: else -> underWay[k] = false; k = 0
      fi
    }
  :: atomic { writers > 0 -> writers--; stored.version++ }
  :: atomic { forgets > 0 && stored.record -> forgets--; stored.record = false; stored.settled = 0; stored.refused = 0; stored.mark++ }
  :: atomic { failovers > 0 -> COPY(older, stored) }
  :: atomic { failovers > 0 -> failovers--; failedOver = true; COPY(stored, older) }
  od
}

/* ---- A process with its end of a connection ---- */

inline tellOutcome(k, n, set) {
  if
  :: HAS(set, n) -> down[k]!NACK, n, 0, 0, true
  :: else -> down[k]!ACK, n, 0, 0, true
  fi
}

/* `base`, `refused`: what the resume read at the handshake, as far as it is settled. */
proctype Server(byte k; byte base; byte refused; bool record; byte theMark) {
  byte next, n, mark, settled, set; mtype:outcome outcome; bool refuses;
  d_step { next = attachFrom[k]; mark = attachMark[k] };
  down[k]!HELLO, base, refused, theMark, record;
serving:
end:
  do
  :: atomic { serverSide[k] && nempty(up[k]) -> up[k]?_; n = next; next++ };
    if
    :: n <= base ->
      atomic {
#ifdef BUG_NO_REFUSED_BITS
        down[k]!ACK, n, 0, 0, true
#else
        tellOutcome(k, n, refused)
#endif
      }
    :: else ->
handling:
      atomic {
        if
        :: refuses = false
        :: refusals > 0 -> refusals--; refuses = true
        fi;
#ifdef BUG_REFUSAL_NOT_STORED
        if
        :: refuses -> down[k]!NACK, n, 0, 0, true; goto serving
        :: else -> skip
        fi;
#endif
#ifdef BUG_ACK_BEFORE_COMMIT
        if :: !refuses -> down[k]!ACK, n, 0, 0, true :: else -> skip fi;
#endif
        commit[k].number = n; commit[k].refuses = refuses; commit[k].version = stored.version;
        commit[k].mark = mark; commit[k].base = base;
        do :: len(answers[k]) > 0 -> answers[k]?_, _, _, _ :: else -> break od;
        underWay[k] = true
      };
      if
      :: atomic { serverSide[k] && nempty(answers[k]) -> answers[k]?outcome, settled, set, theMark;
          /* A repeated call answers as the first one did: the second answer goes nowhere. */
          underWay[k] = false;
          if
          :: outcome == COMMITTED || outcome == SETTLED ->
            base = settled; refused = set;
#ifdef BUG_NO_REFUSED_BITS
            down[k]!ACK, n, 0, 0, true
#else
#ifdef BUG_ACK_BEFORE_COMMIT
            if :: HAS(set, n) -> tellOutcome(k, n, set) :: else -> skip fi
#else
            tellOutcome(k, n, set)
#endif
#endif
          :: outcome == BEHIND ->
#ifdef BUG_GOES_ON_AFTER_LOSS
            base = settled; refused = set; down[k]!BEHIND_TOLD, settled, 0, 0, true; goto handling
#else
            /* What the client has no answer to may be among the lost: it has to be sent again first. */
            down[k]!BEHIND_TOLD, settled, 0, 0, true; serverSide[k] = false; goto dead
#endif
          :: outcome == CONFLICT -> goto handling
          :: outcome == FORGOTTEN -> down[k]!FORGOTTEN_TOLD, 0, 0, theMark, false; serverSide[k] = false; goto dead
          fi
        }
      /* Killed, or without an answer in time (4503). The call is on its way, or is lost. */
      :: atomic { serverSide[k] && kills > 0 -> kills--; serverSide[k] = false;
          if :: underWay[k] = false :: skip fi; goto dead }
      :: !serverSide[k] -> goto dead
      fi
    fi
  :: atomic { serverSide[k] && !clientSide[k] -> serverSide[k] = false; goto dead }
  :: atomic { serverSide[k] && kills > 0 -> kills--; serverSide[k] = false; goto dead }
  :: !serverSide[k] -> goto dead
  od;
dead:
  skip
}

/* ---- The client ---- */

inline settle(i, isRefused) {
  if
  :: state[i] == SENT && isRefused ->
    state[i] = REJECTED;
    assert(failedOver || !HAS(stored.done, i))               /* I21, I24 */
  :: state[i] == SENT && !isRefused ->
    state[i] = RESOLVED;
    assert(failedOver || HAS(stored.done, i))                /* I21, I24 */
  :: else -> skip
  fi
}

inline loseAbove(last) {
  i = last + 1;
  do
  :: i <= N && i <= known -> toldLost = toldLost | BIT(i); i++
  :: else -> break
  od;
  if :: known > last -> known = last :: else -> skip fi
}

active proctype Client() {
  byte k, i, sent, last, set, aMark, known, queuedUnder; mtype:frame type; bool record;
connecting:
  atomic {
    i = 1;
    do :: i <= N && state[i] != QUEUED && state[i] != SENT -> i++ :: else -> break od;
    sent = i - 1;
    attachFrom[k] = i; attachMark[k] = queuedUnder;
    current = k; attachedSince = failedOver; clientSide[k] = true; serverSide[k] = true;
    run Server(k, (stored.record -> stored.settled : 0), stored.refused, stored.record, stored.mark)
  };
end:
  do
  /* All that is unsettled is sent again, in order, after what is new. */
  :: atomic { sent < N && serverSide[k] -> sent++;
      if
      :: state[sent] == QUEUED -> state[sent] = SENT; sentOn[sent] = k
      :: else -> skip
      fi;
      up[k]!0 }
  :: atomic { down[k]?type, last, set, aMark, record ->
      if
      :: type == HELLO ->
        loseAbove(last);
        i = 1;
        do :: i <= N && i <= last -> settle(i, HAS(set, i)); i++ :: else -> break od;
        if :: record && last > known -> known = last :: else -> skip fi;
        i = 1;
        do :: i <= N && state[i] != SENT -> i++ :: else -> break od;
        if :: i > N -> queuedUnder = aMark :: else -> skip fi
      :: type == ACK -> settle(last, false); if :: last > known -> known = last :: else -> skip fi
      :: type == NACK -> settle(last, true); if :: last > known -> known = last :: else -> skip fi
      :: type == BEHIND_TOLD -> loseAbove(last)
      :: type == FORGOTTEN_TOLD ->
        /* Sent on an earlier connection: nobody knows. The rest goes on under the new mark. */
        i = 1;
        do
        :: i <= N -> if :: state[i] == SENT && sentOn[i] != k -> state[i] = UNKNOWN :: else -> skip fi; i++
        :: else -> break
        od;
        queuedUnder = aMark; known = 0
      fi;
      type = 0; last = 0; set = 0; aMark = 0; i = 0; record = false }
  /* The link is cut: what is on it is lost. */
  :: atomic { k + 1 < CONNS -> clientSide[k] = false;
      do :: nempty(down[k]) -> down[k]?_, _, _, _, _ :: empty(down[k]) -> break od;
      k++; goto connecting }
  od
}

/* Nothing can move any more. */
active proctype Quiet() {
  byte i = 1;
end:
  timeout ->
    do
    :: i <= N ->
      /* Nothing hangs: on a connection that lives everything is settled. */
      assert(!serverSide[current] || (state[i] != SENT && state[i] != QUEUED));
      /* A loss by the store is told. */
      assert(state[i] != RESOLVED || HAS(stored.done, i) || HAS(toldLost, i)
        || !attachedSince || overtaken || !serverSide[current]);
      i++
    :: else -> break
    od
}

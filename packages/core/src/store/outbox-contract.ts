/**
 * What a store does for messages that are kept for a client that is away: the outbox of a session. A store that has one says
 * `capabilities.outbox: true` and has both methods; another one has neither, and `session.send` rejects with NOT_SUPPORTED.
 *
 * An outbox is a log. Its entries have offsets 1, 2, 3 …, without a gap, and each has a chain: a number of 31 bits that
 * stands for all entries up to it. `first` is the offset of the oldest entry that is kept, `last` that of the newest that was
 * ever appended; before the first append `last` is 0, and the chain of offset 0 is 0.
 */
import type { Awaitable, Chain, Position } from "@wsession/protocol";

export type { Chain, Position } from "@wsession/protocol";

/** How much of one session's outbox is kept. Core gives the same limits with every call; a store MUST NOT remember them. */
export interface OutboxBounds {
  /** Entries, from 1; `Infinity` for no limit. Those without data count until they are dropped. */
  readonly maxMessages: number;
  /** Bytes of all messages together, a text as UTF-8; `Infinity` for no limit. A store MAY count what it adds to each, too. */
  readonly maxBytes: number;
  /** Milliseconds that a message is kept; `Infinity`: as long as its session. A store MAY drop them 30 days after the last append. */
  readonly maxAgeMs: number;
  /** What gives way where one more message is over a bound: the oldest ones, or the new one. */
  readonly whenFull: "drop-oldest" | "refuse";
}

/** A message to be appended. */
export interface OutboxMessage {
  /** A text or bytes, at most `maxBytes` long. A store MUST give back what it was given, and whether it was a text. */
  readonly data: string | Uint8Array;
  /** 31 random bits, drawn by core for this message alone: `chain after = mixChain(chain before, mark)`. */
  readonly mark: number;
  /**
   * Replaces the message of the same key that is still kept: 1 to 63 bytes of UTF-8. `undefined`: replaces none. A store MAY
   * forget which message a key stands for where it has 32 other keys of the session that were used later: both stay then.
   */
  readonly key: string | undefined;
  /** Milliseconds after which the message is of no use, by the store's clock; `undefined`: `maxAgeMs` alone counts. */
  readonly ttlMs: number | undefined;
}

/** What is appended to one session's outbox in one step. Apart, so that a later `commit` of data and messages can take it. */
export interface OutboxAppend {
  /** One or more, in the order of their offsets. No two have the same key: core leaves the earlier one out. */
  readonly messages: readonly OutboxMessage[];
  readonly bounds: OutboxBounds;
}

export interface AppendRequest extends OutboxAppend {
  readonly id: string;
  /** Refuse if the session's fence is higher, as a write does; `undefined` for an administrative append. */
  readonly fence: number | undefined;
}

export type AppendResult =
  | {
      readonly type: "appended";
      /** Of the first message; the others follow. */
      readonly offset: number;
      /** The chain before the first message. */
      readonly before: Chain;
      /** The chain after each message, in order: as many as there were messages. */
      readonly chains: readonly Chain[];
    }
  /** `whenFull` is `"refuse"`, and not all of the messages fit. None was appended. */
  | { readonly type: "full" }
  /** There is no such session. Nothing was changed. */
  | { readonly type: "missing" }
  /** The session's fence is higher. Nothing was changed. */
  | { readonly type: "fenced" };

export interface ReadRequest {
  readonly id: string;
  /** Up to where the reader has the messages. It may be any number and any chain: a client says so. */
  readonly from: Position;
  /**
   * Where the outbox ended as the reader passed over a replaced message. What replaced it lies up to there: where the store
   * does not have that position any more, it lost the replacement, and the reader would never see either of the two.
   */
  readonly witness: Position | undefined;
  /** Bytes of messages in one answer, from 0. One message is given in any case if this is above 0; at 0 none is. */
  readonly maxBytes: number;
  /**
   * Given with `whenFull: "refuse"` alone: a name of the reader, 16 characters of base64url. The store notes in the same step
   * that this reader has what is up to the answer's `start` (not where the answer is `missing`), and forgets the name `maxAgeMs`
   * after the last call that gave it. A store MAY refuse to note more than 8 readers of a session: the one that read longest ago goes.
   */
  readonly reader?: { readonly name: string; readonly maxAgeMs: number } | undefined;
}

/** One offset of an outbox. */
export interface OutboxEntry {
  /** The chain after it. */
  readonly chain: Chain;
  /** `undefined`: there is nothing to deliver at this offset. */
  readonly data: string | Uint8Array | undefined;
  /** Why there is nothing: true, a later message of the same key replaced it; false, its `ttlMs` is over. */
  readonly isReplaced: boolean;
}

export type ReadResult =
  | {
      readonly type: "read";
      /** What the reader does not have and never gets, both offsets included; `undefined`: none. */
      readonly missed: { readonly from: number; readonly to: number; readonly certain: boolean } | undefined;
      /** Where the reader stands before `entries`: `from`, or behind what it missed. */
      readonly start: Position;
      /** Offsets `start.offset + 1`, `start.offset + 2` …, without a gap. */
      readonly entries: readonly OutboxEntry[];
      /** Where the outbox ends, as of this very step. Beyond the last entry where `maxBytes` cut the answer off. */
      readonly end: Position;
    }
  /** There is no such session. */
  | { readonly type: "missing" };

/**
 * Messages were appended to the outbox of a session that this process holds, by another process; or the store's sweep found
 * that the outbox does not end where `StoreHost.held(id).outbox` says. A hint, as all events: a lost one costs time.
 */
export interface AppendedEvent {
  readonly type: "appended";
  readonly id: string;
  /** Where the outbox ends after it. */
  readonly end: Position;
  /**
   * The messages, where they were small enough to travel with the announcement: `entries[0]` has the offset
   * `before.offset + 1`, `before.chain` is the chain before it, and the last one's is `end`. `undefined`: there is more to read.
   */
  readonly run?: { readonly before: Position; readonly entries: readonly OutboxEntry[] } | undefined;
}

/**
 * Both methods, or none.
 *
 * What is kept, in every answer, swept or not:
 * - An entry without `ttlMs` whose `maxAgeMs` (as it was given with its append) is over is kept no more, nor is any entry before
 *   it: `first` is behind it. The reader is told that it missed them (I16).
 * - An entry with `ttlMs` has no data once its `ttlMs` or its `maxAgeMs` is over, whichever is less: it was to be of no use then.
 * - Where what is stored is not exactly the entries `first` to `last`, the list was lost alone (evicted, expired): the outbox counts as
 *   empty, with `first = last + 1`. `last` and its chain stay, so that no offset is given out again. A store whose list lies apart from
 *   the session MUST compare them in each call.
 *
 * `append` MUST, in one atomic step:
 * 1. answer `missing` for a session that is not there, is destroyed or past a deadline; then refuse what comes too late, and answer
 *    `fenced`, as `write` does. It never touches: version, lineage, data and the idle deadline stay as they are, so that a kept
 *    message is no conflict for anybody's `update`;
 * 2. with `"refuse"`, while the new messages do not fit into `maxMessages` and `maxBytes`: drop the first entry if it has no data, or if
 *    every reader that is noted has it (without a reader noted, none has). Then answer `full` if they do not fit, where a store MAY
 *    have dropped none of them;
 * 3. append each message at `last + 1`, with the chain `mixChain(chain of last, mark)`: mixed over all entries before, also over
 *    those that are kept no more, and never drawn anew. Two appends that come after different entries MUST end in different chains (I19);
 * 4. mark the entry that the message's key stands for, if that is kept, as replaced: its offset and chain stay, its data goes;
 * 5. with `"drop-oldest"`: drop entries at the beginning until both bounds hold (I20), those of this very append too if need be. An entry
 *    that fits is not dropped early, though it has no data: a reader before it would be told of a loss that there was none.
 *
 * A repeat of a call whose answer was lost MUST answer as the first call did, and append nothing (I10). An append whose outcome is
 * not known rejects with `outcome: "unknown"`, one that did not happen with `"not-applied"` (I11).
 *
 * `read` changes nothing but what is noted of its reader. It MUST, in one atomic step, with `base = first - 1`:
 * 1. answer `missing` as above;
 * 2. compare. The chain is known for the offsets `base` to `last`. It is a **reset** if `from.offset > last`; or `from.offset >= base` and
 *    the chain of that offset is another; or `witness.offset > last`; or `witness.offset >= base` and the chain of that offset is another.
 *    Then `start` is `base` with its chain, and `missed` is `{ from: 1, to: base, certain: false }` (`to` may be 0);
 * 3. else, if `from.offset < base`: `start` is `base` with its chain, `missed` is `{ from: from.offset + 1, to: base, certain: false }`.
 *    The position was not compared with anything, and `certain` says so;
 * 4. else `start` is `from`, and nothing is missed;
 * 5. give the entries after `start` in order (I15), those without data among them, until `maxBytes` bytes of messages are in the answer.
 *
 * Order: what `append` answered is seen by every `read` that begins later, on any process (I17). `destroy`, `destroySubject` and a
 * deadline take the outbox along, in the step in which the session goes (I18). A `rotate` that changes one subject to another one
 * drops all entries in the same step: `first = last + 1`, while `last` and its chain stay. A session that nothing was ever appended to
 * costs no byte and no command for it.
 */
export interface OutboxMethods {
  readonly append?: ((request: AppendRequest) => Awaitable<AppendResult>) | undefined;
  readonly read?: ((request: ReadRequest) => Awaitable<ReadResult>) | undefined;
}

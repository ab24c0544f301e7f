/**
 * The contract of the outbox: a store keeps the messages of a session for a client that is away. A store with outboxes has
 * `capabilities.outbox: true` and both methods. A store without them has neither method, and `session.send` rejects with
 * NOT_SUPPORTED.
 *
 * An outbox is a log. Its entries have the offsets 1, 2, 3 …, without a gap. Each entry has a chain: a number of 31 bits that
 * stands for all entries up to this one. `first` is the offset of the oldest entry that is kept. `last` is the offset of the
 * newest entry that was ever appended. Before the first append `last` is 0. The chain of offset 0 is 0.
 */
import type { Awaitable, Chain, Position } from "@wsession/protocol";

export type { Chain, Position } from "@wsession/protocol";

/** The limits of one session's outbox. Core passes the same limits with every call. A store MUST NOT keep them. */
export interface OutboxBounds {
  /** The highest number of entries, at least 1; `Infinity` for no limit. An entry without data counts until it is dropped. */
  readonly maxMessages: number;
  /** The most bytes of all messages together, a text as UTF-8; `Infinity` for no limit. A store MAY count its overhead too. */
  readonly maxBytes: number;
  /**
   * Milliseconds that a message is kept; `Infinity`: as long as its session. A store MAY drop messages 30 days after the last
   * append.
   */
  readonly maxAgeMs: number;
  /** What happens when a new message would exceed a limit: drop the oldest messages, or refuse the new one. */
  readonly whenFull: "drop-oldest" | "refuse";
}

/** A message to be appended. */
export interface OutboxMessage {
  /** A text or bytes, at most `maxBytes` long. `read` MUST return the same content and the same type. */
  readonly data: string | Uint8Array;
  /** 31 random bits, drawn by core for this message alone: `chain after = mixChain(chain before, mark)`. */
  readonly mark: number;
  /**
   * 1 to 63 bytes of UTF-8. The message replaces an earlier message with the same key that is still kept. `undefined`: replaces no
   * message. A store MAY drop a key after 32 other keys of the session were used. Then both messages stay.
   */
  readonly key: string | undefined;
  /** Milliseconds after which the message has no use, by the store's clock. `undefined`: only `maxAgeMs` applies. */
  readonly ttlMs: number | undefined;
}

/** The messages that one step appends to one session's outbox. `append` and `commit` share this type. */
export interface OutboxAppend {
  /** At least one message, in the order of their offsets. Keys are unique: core omits the earlier message of a key. */
  readonly messages: readonly OutboxMessage[];
  /** The limits of the outbox. */
  readonly bounds: OutboxBounds;
}

/** Messages that are to be kept for the client of a session. */
export interface AppendRequest extends OutboxAppend {
  /** The session. */
  readonly id: string;
  /** Refuse if the session's fence is higher, as a write does; `undefined` for an administrative append. */
  readonly fence: number | undefined;
  /**
   * Answer `foreign` unless the session has this subject. The messages are for this subject alone, and the session may belong to
   * another subject by now (time of check to time of use). `undefined` if the subject does not matter.
   */
  readonly subject?: string | undefined;
}

/** The answer to `append`. */
export type AppendResult =
  | {
      readonly type: "appended";
      /** The offset of the first message. The other messages have the next offsets. */
      readonly offset: number;
      /** The chain before the first message. */
      readonly before: Chain;
      /** The chain after each message, in the order of the messages. */
      readonly chains: readonly Chain[];
    }
  /** `whenFull` is `"refuse"`, and not all of the messages fit. None was appended. */
  | { readonly type: "full" }
  /** There is no such session. Nothing was changed. */
  | { readonly type: "missing" }
  /** The session's fence is higher. Nothing was changed. */
  | { readonly type: "fenced" }
  /** The session does not have the request's `subject`. Nothing was changed. */
  | { readonly type: "foreign" };

/** A read of an outbox from a position on. */
export interface ReadRequest {
  /** The session. */
  readonly id: string;
  /** The reader's position. Offset and chain may have any values, because a client sends them. */
  readonly from: Position;
  /**
   * The end of the outbox at the time when the reader skipped a replaced message. The replacement has an offset up to this end.
   * If the store no longer has this position, it has lost the replacement, and the reader would get neither message.
   */
  readonly witness: Position | undefined;
  /**
   * The most bytes of messages in one answer. Above 0 the answer has at least one message, however long. At 0 the answer has no
   * message.
   */
  readonly maxBytes: number;
  /**
   * Only with `whenFull: "refuse"`: the name of the reader, 16 characters of base64url. In the same step the store records that
   * this reader has all messages up to the answer's `start`, unless the answer is `missing`. The store drops the name
   * `maxAgeMs` after the last call with it. A store MAY keep at most 8 readers of a session, and then drops the reader whose last
   * call is oldest.
   */
  readonly reader?: { readonly name: string; readonly maxAgeMs: number } | undefined;
}

/** One offset of an outbox. */
export interface OutboxEntry {
  /** The chain after this entry. */
  readonly chain: Chain;
  /** `undefined` if no message is to be delivered at this offset. */
  readonly data: string | Uint8Array | undefined;
  /** Why `data` is undefined. True: a later message of the same key replaced the message. False: its `ttlMs` is over. */
  readonly isReplaced: boolean;
}

/** The answer to `read`. */
export type ReadResult =
  | {
      readonly type: "read";
      /** The offsets that the reader never gets, both ends included. `undefined` if there are none. */
      readonly missed: { readonly from: number; readonly to: number; readonly certain: boolean } | undefined;
      /** The reader's position before `entries`: `from`, or the end of the missed offsets. */
      readonly start: Position;
      /** The entries at the offsets `start.offset + 1`, `start.offset + 2` …, without a gap. */
      readonly entries: readonly OutboxEntry[];
      /** The end of the outbox in this step. Lies after the last of `entries` if `maxBytes` cut the answer off. */
      readonly end: Position;
    }
  /** There is no such session. */
  | { readonly type: "missing" };

/**
 * Another process appended messages to the outbox of a session that this process holds. Or the store's sweep found that the end of
 * the outbox differs from `StoreHost.held(id).outbox`. The event is a hint, as all events are: a lost event costs only time.
 */
export interface AppendedEvent {
  /** The discriminant of `StoreEvent`. */
  readonly type: "appended";
  /** The session. */
  readonly id: string;
  /** The end of the outbox after the append. */
  readonly end: Position;
  /**
   * The messages, if they were small enough for the announcement. `entries[0]` has the offset `before.offset + 1`,
   * `before.chain` is the chain before `entries[0]`, and the last entry is at `end`. `undefined`: the messages have to be read
   * from the store.
   */
  readonly run?: { readonly before: Position; readonly entries: readonly OutboxEntry[] } | undefined;
}

/**
 * A store implements both methods, or neither of them.
 *
 * Which entries are kept. These rules apply to every answer, whether a sweep has run or not:
 * - When the `maxAgeMs` of an entry without `ttlMs` is over (as passed with its append), that entry and all entries before it are
 *   dropped: `first` is the next offset. `read` reports them to the reader as missed (I16).
 * - When the `ttlMs` or the `maxAgeMs` of an entry with `ttlMs` is over, the entry stays without data, because it has no use
 *   any more.
 * - If the stored list is not exactly the entries `first` to `last`, the list was lost without its session (evicted, expired).
 *   The outbox counts as empty, with `first = last + 1`. `last` and its chain stay, so that no offset is assigned twice. A
 *   store that keeps the list apart from the session MUST compare the two in each call.
 *
 * `append` MUST, in one atomic step:
 * 1. answer `missing` for a session that does not exist, is destroyed or past a deadline; then refuse a late call, answer
 *    `fenced`, as `write` does, and `foreign` if the session does not have the request's subject. `append` changes neither
 *    version, lineage, data nor the idle deadline, so that a kept message never conflicts with an `update`;
 * 2. with `"refuse"`, while the new messages do not fit into `maxMessages` and `maxBytes`: drop the first entry if it has no
 *    data, or if every recorded reader has it (if no reader is recorded, keep it). Then answer `full` if the messages still do
 *    not fit. In that case a store MAY keep the entries that it could have dropped;
 * 3. append each message at `last + 1`, with the chain `mixChain(chain of last, mark)`. The chain covers all earlier entries,
 *    also the dropped ones. Two appends that come after different entries MUST end in different chains (I19);
 * 4. mark the kept entry with the same key as replaced: delete its data, and keep its offset and its chain;
 * 5. with `"drop-oldest"`: drop entries from the beginning until both limits are met (I20), also entries of this append if necessary.
 *    A store MUST NOT drop an entry without data earlier. Otherwise `read` would report a loss that did not happen to a reader
 *    before that entry.
 *
 * A repeat of a call whose answer was lost MUST answer as the first call did, and append nothing (I10). An append whose outcome
 * is not known rejects with `outcome: "unknown"`, one that did not happen with `"not-applied"` (I11).
 *
 * `read` changes only the record of its reader. It MUST, in one atomic step, with `base = first - 1`:
 * 1. answer `missing` as above;
 * 2. compare. The chains of the offsets `base` to `last` are known. The reader has to **reset** if `from.offset > last`; or
 *    `from.offset >= base` and the chain at that offset differs; or `witness.offset > last`; or `witness.offset >= base` and
 *    the chain at that offset differs. Then `start` is `base` with its chain, and `missed` is `{ from: 1, to: base, certain:
 *    false }` (`to` may be 0);
 * 3. else, if `from.offset < base`: `start` is `base` with its chain, `missed` is `{ from: from.offset + 1, to: base, certain:
 *    false }`. `certain` is false, because the store could not compare the position with a chain;
 * 4. else `start` is `from`, and `missed` is `undefined`;
 * 5. return the entries after `start` in order (I15), also those without data, up to `maxBytes` bytes of messages.
 *
 * Order: once `append` has answered, every `read` that begins later returns its messages, on any process (I17). `destroy`,
 * `destroySubject` and a deadline delete the outbox in the same step as the session (I18). A `rotate` that changes one subject
 * to another one drops all entries in the same step: `first = last + 1`, and `last` and its chain stay. A session without any
 * append costs no byte and no command for the outbox.
 */
export interface OutboxMethods {
  /** Keeps messages. The rules are at the top of this interface. */
  readonly append?: ((request: AppendRequest) => Awaitable<AppendResult>) | undefined;
  /** Returns the entries after a position. The rules are at the top of this interface. */
  readonly read?: ((request: ReadRequest) => Awaitable<ReadResult>) | undefined;
}

/**
 * The contract of a store for transactions. One call writes the settled number of a client's message, the message's change of
 * the data, and the kept messages that it sends. Either the store has all of them, or none (I21, I22, I23).
 */
import type { Awaitable } from "@wsession/protocol";
import type { AppendResult, OutboxAppend } from "./outbox-contract.ts";
import type { ClientRecord, StoredSession } from "./stored-session.ts";
import type { Change, WriteResult } from "./write-contract.ts";

/** The numbers of one client that a commit settles. */
export interface CommitNumbers {
  /** The client's id, 16 characters of base64url. */
  readonly client: string;
  /**
   * The first number that this commit settles, at most `number`. Earlier numbers that changed nothing may be part of the
   * commit.
   */
  readonly first: number;
  /** The last number that this commit settles. All numbers after `settled` up to this one are settled with it. */
  readonly number: number;
  /**
   * The last number that is settled according to the caller; 0 for none. If the store's number is lower, the store lost changes
   * (failover).
   */
  readonly settled: number;
  /** The forget mark under which the client queued its oldest message that is not settled. */
  readonly mark: number;
  /** The refused numbers among `settled + 1` to `number`, in ascending order. They are settled, and changed nothing. */
  readonly refused: readonly number[];
}

/** One transaction: settled numbers, a change of the data, and messages. */
export interface CommitRequest {
  /** The session. */
  readonly id: string;
  /** The numbers that the commit settles. */
  readonly numbers: CommitNumbers;
  /** `undefined`: the data and the version do not change. */
  readonly change: Change | undefined;
  /** Apply only at this version; `undefined` to apply at any. As in WriteRequest, and also where `change` is `undefined`. */
  readonly expect: number | undefined;
  /** The caller's version, as in WriteRequest. */
  readonly known: number;
  /** The lineage of `known`, as in WriteRequest. */
  readonly lineage?: number | undefined;
  /** The application's `schemaVersion`, which is stored with the data. */
  readonly schemaVersion: number;
  /** The messages to keep. `undefined`: none, and the outbox does not change. */
  readonly outbox: OutboxAppend | undefined;
  /** Refuse if the session's fence is higher, as a write does. */
  readonly fence: number | undefined;
}

/** The answer to `commit`. */
export type CommitResult =
  | {
      readonly type: "committed";
      /** As the answer to a write; `undefined` where the request has no change. */
      readonly written: Extract<WriteResult, { type: "written" }> | undefined;
      /** As the answer to an append; `undefined` where the request has no messages. */
      readonly appended: Extract<AppendResult, { type: "appended" }> | undefined;
      readonly record: ClientRecord;
    }
  /**
   * `number` was settled before, for example by another connection of the client. Nothing was changed. The record has the
   * outcome.
   */
  | { readonly type: "settled"; readonly record: ClientRecord }
  /**
   * The store has no record of the client any more, or only of later numbers. Nothing was changed. `mark` is the current forget
   * mark.
   */
  | { readonly type: "forgotten"; readonly mark: number }
  /** The store's last settled number is lower than `numbers.settled`: the store lost changes. 0: no record. Nothing was changed. */
  | { readonly type: "behind"; readonly settled: number }
  /** The version differs from `expect`. Nothing was changed. Contains the current session. */
  | { readonly type: "conflict"; readonly session: StoredSession }
  /** `whenFull` is `"refuse"`, and not all of the messages fit. Nothing was changed. */
  | { readonly type: "full" }
  | { readonly type: "missing" }
  | { readonly type: "fenced" };

/**
 * `commit` MUST, in one atomic step:
 * 1. answer `missing` for a session that does not exist, is destroyed or past a deadline; answer a repeated call as the first
 *    call, with the same offsets and chains (I10); refuse a late call, and answer `fenced`, as `write` does;
 * 2. check the client's record, in this order. `number < floor`: answer `forgotten`. `number <= settled`: answer `settled`,
 *    because the first outcome counts. No record, and the session's forget mark differs from `numbers.mark`: answer
 *    `forgotten`. A last settled number (0 without a record) below `numbers.settled`: answer `behind`;
 * 3. answer `conflict` if the version differs from `expect`, then `full` as `append` does;
 * 4. change the data as `write` does, append as `append` does, and write the record: `settled` becomes `number`, and the
 *    numbers in `refused` above the old `settled` are recorded as refused. Outcomes that the record already has do not change.
 *    A new record has `first` as its `floor`. If the session has 8 other records, the record with the oldest settled number is
 *    dropped, and the forget mark changes.
 *
 * A commit without messages MUST NOT touch the outbox. A commit without a change leaves version, lineage and data as they are.
 * No commit moves the idle deadline. A commit with an unknown outcome rejects with `outcome: "unknown"`, and a commit that did
 * not happen with `"not-applied"` (I11). A commit that is refused for its data or messages (NOT_SERIALISABLE, TOO_LARGE) did
 * not happen.
 *
 * A `rotate` that changes one subject to another one drops all records in the same step and changes the forget mark. If the
 * session never had a record, a store MAY leave the mark at 0, because no message of the former subject was settled. `destroy`,
 * `destroySubject` and a deadline delete the records too (I18). A session without records costs no byte for them.
 *
 * The store announces the change and the messages to other holders, as for a write and an append. The store does not announce
 * records. A process that needs a newer record reads it with `load`.
 */
export interface CommitMethods {
  /** Given only by a store with `capabilities.outbox`. */
  readonly commit?: ((request: CommitRequest) => Awaitable<CommitResult>) | undefined;
}

/**
 * What a store does for transactions: one call writes that a client's message is settled, the change of data that the message
 * made, and the kept messages that it caused. Either all of them are in the store, or none is (I21, I22, I23).
 */
import type { Awaitable } from "@wsession/protocol";
import type { AppendResult, OutboxAppend } from "./outbox-contract.ts";
import type { ClientRecord, StoredSession } from "./stored-session.ts";
import type { Change, WriteResult } from "./write-contract.ts";

/** The numbers of one client that a commit settles. */
export interface CommitNumbers {
  /** The client's id, 16 characters of base64url. */
  readonly client: string;
  /** The first number that this commit settles, at most `number`: several that changed nothing may wait for the next one. */
  readonly first: number;
  /** The last number that this commit settles; all between `settled` and this one are settled with it. */
  readonly number: number;
  /** The last number that the caller knows to be settled; 0 for none. Where the store has less, it lost changes (failover). */
  readonly settled: number;
  /** The forget mark under which the client queued its oldest message that is not settled. */
  readonly mark: number;
  /** Which of the numbers `settled + 1` to `number` were refused, ascending: they are settled, and changed nothing. */
  readonly refused: readonly number[];
}

export interface CommitRequest {
  readonly id: string;
  readonly numbers: CommitNumbers;
  /** `undefined`: the data and the version stay as they are. */
  readonly change: Change | undefined;
  /** Apply only at this version; `undefined` to apply at any. As in WriteRequest, and also where `change` is `undefined`. */
  readonly expect: number | undefined;
  /** What the caller holds, as in WriteRequest. */
  readonly known: number;
  readonly lineage?: number | undefined;
  readonly schemaVersion: number;
  /** Messages to be kept; `undefined`: none, and the outbox is not touched. */
  readonly outbox: OutboxAppend | undefined;
  /** Refuse if the session's fence is higher, as a write does. */
  readonly fence: number | undefined;
}

export type CommitResult =
  | {
      readonly type: "committed";
      /** As the answer to a write; `undefined` where the request has no change. */
      readonly written: Extract<WriteResult, { type: "written" }> | undefined;
      /** As the answer to an append; `undefined` where the request has no messages. */
      readonly appended: Extract<AppendResult, { type: "appended" }> | undefined;
      readonly record: ClientRecord;
    }
  /** `number` had been settled before, by another connection of the client, say. Nothing was changed; the record has the outcome. */
  | { readonly type: "settled"; readonly record: ClientRecord }
  /** The store knows the client no more, or only from a later number on. Nothing was changed. `mark` is the forget mark now. */
  | { readonly type: "forgotten"; readonly mark: number }
  /** The store has less than `numbers.settled`: it lost changes. Nothing was changed. 0: it has no record. */
  | { readonly type: "behind"; readonly settled: number }
  /** `expect` was not the version. Nothing was changed, and this is the session now. */
  | { readonly type: "conflict"; readonly session: StoredSession }
  /** `whenFull` is `"refuse"`, and not all of the messages fit. Nothing was changed. */
  | { readonly type: "full" }
  | { readonly type: "missing" }
  | { readonly type: "fenced" };

/**
 * `commit` MUST, in one atomic step:
 * 1. answer `missing` for a session that is not there, is destroyed or past a deadline; answer a repeat of a call whose answer was
 *    lost as the first call was answered, offsets and chains of its messages included (I10); refuse what comes too late, and answer
 *    `fenced`, as `write` does;
 * 2. look at the client's record, in this order. `number < floor`: answer `forgotten`. `number <= settled`: answer `settled`,
 *    because whoever came first decides. No record, and the session's forget mark is not `numbers.mark`: answer `forgotten`. A last
 *    settled number (0 without a record) below `numbers.settled`: answer `behind`;
 * 3. answer `conflict` where `expect` is not met, then `full` as `append` does;
 * 4. change the data as `write` does, append as `append` does, and write the record: `settled` becomes `number`, and the numbers in
 *    `refused` above the old `settled` are refused ones. Outcomes that the record already has stay. A new record has `first` as its
 *    `floor`. Where the session has 8 other records, the one that settled a number longest ago is dropped,
 *    and the forget mark becomes another one.
 *
 * A commit without messages MUST NOT touch the outbox. A commit without a change leaves version, lineage and data as they are. No
 * commit moves the idle deadline. A commit whose outcome is not known rejects with `outcome: "unknown"`, one that did not happen with
 * `"not-applied"` (I11); what the data or the messages are refused for (NOT_SERIALISABLE, TOO_LARGE) did not happen.
 *
 * A `rotate` that changes one subject to another one drops all records in the same step, and the forget mark becomes another one. Of a
 * session that never had a record a store MAY leave the mark at 0: no message of the former subject was settled there.
 * `destroy`, `destroySubject` and a deadline take the records along (I18). A session without records costs no byte for them.
 *
 * Other holders hear of the change and of the messages as they do of a write and of an append. They do not hear of records: who needs
 * one that is newer than its own reads it with `load`.
 */
export interface CommitMethods {
  /** Given only by a store with `capabilities.outbox`. */
  readonly commit?: ((request: CommitRequest) => Awaitable<CommitResult>) | undefined;
}

/** The transaction that the handler `transaction` gets, with what it stages. */
import type { SendOptions } from "@wsession/protocol";
import type { Connection, Patch } from "../api/contract.ts";
import type { Transaction } from "../api/transaction.ts";
import { assertFunction, assertNoMore } from "../base/arguments.ts";
import { invalidArgument, SessionError } from "../base/errors.ts";
import type { CommitNumbers, CommitRequest } from "../store/commit-contract.ts";
import { appendOf, lastOfEachKey } from "./appending.ts";
import type { OutgoingMessage } from "./appending.ts";
import type { LocalSession, VersionStamp } from "./local-session.ts";
import { checkMessage } from "./send-queue.ts";
import { changeBy, dataAfter } from "./write-plan.ts";
import type { Write } from "./writes.ts";

export interface TransactionOwner<Data extends object, Socket = unknown> {
  readonly connection: Connection<Data, unknown, never, unknown, Socket>;
  /** Called when the handler ends the transaction by `atLeastOnce`. */
  leaveTransaction(): void;
}

/**
 * One run of the handler `transaction`. Records whether the handler read the data, and stages the changes. Other code can't read
 * staged changes.
 */
export class StagedTransaction<Data extends object, Socket = unknown> implements Transaction<
  Data,
  unknown,
  unknown,
  Socket
> {
  readonly number: number;
  readonly #client: string;
  readonly #owner: TransactionOwner<Data, Socket>;
  readonly #state: LocalSession<Data>;
  readonly #base: Readonly<Data>;
  /** The version at the start of the run. */
  readonly versionAtRequest: VersionStamp;
  #next: Readonly<Data>;
  readonly #writes: Pick<Write<Data>, "kind">[] = [];
  readonly #messages: OutgoingMessage[] = [];
  #bytes = 0;
  readonly #effects: (() => unknown)[] = [];
  #hasRead = false;
  #hasEnded = false;
  /** Whether a function that was given to `update` runs. */
  #isChanging = false;
  #thrown: unknown;

  constructor(
    owner: TransactionOwner<Data, Socket>,
    state: LocalSession<Data>,
    client: string,
    number: number,
  ) {
    this.number = number;
    this.#client = client;
    this.#owner = owner;
    this.#state = state;
    this.#base = this.#next = state.data;
    this.versionAtRequest = state.versionStamp;
  }

  get id(): string {
    return `${this.#state.id}:${this.#client}:${this.number}`;
  }

  get connection(): Connection<Data, unknown, never, unknown, Socket> {
    return this.#owner.connection;
  }

  get data(): Readonly<Data> {
    this.#assertRunning();
    this.#hasRead = true;
    return this.#next;
  }

  set(data: Data, surplus?: undefined): void {
    assertNoMore("set()", surplus);
    this.#assertStaging("set()");
    this.#write({ type: "set", data });
  }

  patch(fields: Patch<Data>, surplus?: undefined): void {
    assertNoMore("patch()", surplus);
    this.#assertStaging("patch()");
    this.#write({ type: "patch", fields });
  }

  update(change: (data: Readonly<Data>) => Data, surplus?: undefined): void {
    assertFunction("update()'s change", change);
    assertNoMore("update()", surplus);
    this.#assertStaging("update()");
    // Set before the call: if `change` throws, the handler may still use the data that `change` got.
    this.#hasRead = true;
    this.#isChanging = true;
    try {
      this.#write({ type: "update", change });
    } finally {
      this.#isChanging = false;
    }
  }

  send(message: string | Uint8Array, options?: SendOptions, surplus?: undefined): void {
    this.#assertRunning();
    const checked = checkMessage("send()", message, options);
    assertNoMore("send()", surplus);
    const { maxMessages, maxBytes } = this.#state.context.settings.outbox;
    const { bytes } = checked;
    if (bytes > maxBytes)
      throw this.#refuse("TOO_LARGE", `the message is longer than outbox.maxBytes, ${maxBytes}`);
    if (this.#messages.length + 1 > maxMessages || this.#bytes + bytes > maxBytes)
      throw this.#refuse("OUTBOX_FULL", "the transaction sends more than the option outbox keeps");
    this.#messages.push(checked);
    this.#bytes += bytes;
  }

  after(effect: () => unknown, surplus?: undefined): void {
    this.#assertRunning();
    assertFunction("after()'s effect", effect);
    assertNoMore("after()", surplus);
    this.#effects.push(effect);
  }

  atLeastOnce<Result>(work: () => Result, surplus?: undefined): Result {
    assertFunction("atLeastOnce()'s work", work);
    assertNoMore("atLeastOnce()", surplus);
    this.#assertStaging("atLeastOnce()");
    if (!this.isEmpty) throw invalidArgument("atLeastOnce(): a change or a message was staged already");
    this.#hasEnded = true;
    this.#owner.leaveTransaction();
    return work();
  }

  // --- for the commit ---

  /** Called when the handler has settled. Later calls throw TRANSACTION_OVER. */
  end(): void {
    this.#hasEnded = true;
  }

  get isEmpty(): boolean {
    return this.#writes.length === 0 && this.#messages.length === 0 && this.#effects.length === 0;
  }

  get effects(): readonly (() => unknown)[] {
    return this.#effects;
  }

  /** Whether one of the methods here threw `error` because of the staged data or messages. */
  isRefusal(error: unknown): error is SessionError {
    return error !== undefined && error === this.#thrown;
  }

  /** Whether the commit would certainly conflict, because this process has a newer version. */
  get isStale(): boolean {
    return this.#dependsOnVersion && !this.#state.isAt(this.versionAtRequest);
  }

  /** The data after the commit. */
  get next(): Readonly<Data> {
    return this.#next;
  }

  /** The messages that the commit appends. */
  get messages(): readonly OutgoingMessage[] {
    return lastOfEachKey(this.#messages);
  }

  request(numbers: CommitNumbers, fence: number | undefined): CommitRequest {
    const { id, isOtherVersion, context } = this.#state;
    const { version, lineage } = this.versionAtRequest;
    const { messages } = this;
    const base = this.#hasRead && !isOtherVersion ? this.#base : undefined;
    return {
      id,
      numbers,
      change:
        this.#writes.length === 0 ? undefined : changeBy(this.#writes, this.#next, base, isOtherVersion),
      expect: this.#dependsOnVersion ? version : undefined,
      known: version,
      lineage,
      schemaVersion: context.settings.schemaVersion,
      outbox: messages.length === 0 ? undefined : appendOf(messages, context.settings.outbox),
      fence,
    };
  }

  /** Whether the commit must fail if the version is no longer that of the start of the run. */
  get #dependsOnVersion(): boolean {
    if (this.#writes.length === 0 && this.#messages.length === 0) return false;
    return this.#hasRead || (this.#writes.length > 0 && this.#state.isOtherVersion);
  }

  #write(kind: Write<Data>["kind"]): void {
    try {
      this.#next = dataAfter(this.#state, this.#next, kind);
    } catch (error) {
      this.#thrown = error;
      throw error;
    }
    this.#writes.push({ kind });
  }

  #refuse(code: "TOO_LARGE" | "OUTBOX_FULL", message: string): SessionError {
    const error = new SessionError(code, message, { outcome: "not-applied" });
    this.#thrown = error;
    return error;
  }

  #assertStaging(where: string): void {
    this.#assertRunning();
    // The result of the outer change replaces the data, so a change that the inner call staged would be lost in silence.
    if (this.#isChanging)
      throw invalidArgument(`${where}: the function that update() takes must not stage changes`);
  }

  #assertRunning(): void {
    if (this.#hasEnded)
      throw new SessionError("TRANSACTION_OVER", "the transaction is over: its handler has settled");
  }
}

/** A request that only settles numbers. */
export function settlingRequest<Data extends object>(
  { id, version, lineage, context }: LocalSession<Data>,
  numbers: CommitNumbers,
  fence: number | undefined,
): CommitRequest {
  const { schemaVersion } = context.settings;
  return {
    id,
    numbers,
    change: undefined,
    expect: undefined,
    known: version,
    lineage,
    schemaVersion,
    outbox: undefined,
    fence,
  };
}

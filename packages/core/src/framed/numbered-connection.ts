import { isTransactionRefused, Lead, leadOf, ProtocolError, writeServerControl } from "@wsession/protocol";
import type { Attach } from "@wsession/protocol";
import type { Connection } from "../api/contract.ts";
import type { Transaction } from "../api/transaction.ts";
import { asStoreError, connectionClosedError, goneError } from "../base/errors.ts";
import { GONE } from "../base/endings.ts";
import type { Running } from "../base/operation.ts";
import { promiseOf } from "../base/promises.ts";
import { inContextOf, telemetry } from "../base/telemetry.ts";
import type { TransactionOutcome } from "../base/telemetry-events.ts";
import { Flow } from "../connection/flow.ts";
import type { LocalSession } from "../session/local-session.ts";
import type { SessionConnection } from "../session/session-connection.ts";
import type { ClientRecords } from "../store/stored-session.ts";
import { FollowingConnection } from "./following-connection.ts";
import { NO_RECORD } from "./hello.ts";
import type { KnownClient } from "./hello.ts";
import { NO_HANDLER } from "./refusals.ts";
import { Numbers } from "./numbers.ts";
import { Transactions } from "./transactions.ts";
import type { TransactionConnection } from "./transactions.ts";

/**
 * A connection with numbered messages. Each message goes to the handler `transaction`, or to `message` if there is no
 * `transaction`.
 */
export abstract class NumberedConnection<Data extends object, Socket extends object>
  extends FollowingConnection<Data, Socket>
  implements TransactionConnection<Data, Socket>
{
  /** The counter, once a numbered message has arrived. Before that: the number of the first message, for `Numbers.begin`. */
  #numbers: Numbers | number | undefined = undefined;
  /** The transactions of the latest attach. Only with the handler `transaction`. */
  #transactions: Transactions<Data, Socket> | undefined = undefined;

  /** Passes a message to the handler `message`. */
  protected abstract callPlain(message: string | Uint8Array): unknown;

  // --- counting ---

  /** Counts a received numbered message. Throws ProtocolError if the client exceeds a limit. */
  protected countNumbered(frame: string | Uint8Array): void {
    const bytes = (typeof frame === "string" ? Buffer.byteLength(frame) : frame.byteLength) - 1;
    if (!this.ownNumbers().receive(bytes)) throw new ProtocolError("too many unsettled messages");
  }

  /** A further attach has arrived, and waits for its turn among the messages. */
  protected onFurtherAttach(): void {
    if (this.#numbers instanceof Numbers) this.#numbers.reattach();
  }

  /** Starts the numbers of an attach. If the attach names another session, the messages after it are discarded. */
  protected beginNumbers(attach: Attach, client: KnownClient | undefined): void {
    const { session, from } = attach;
    const first = session === undefined || session === this.state?.id ? from : undefined;
    if (this.#numbers instanceof Numbers || client !== undefined)
      this.ownNumbers().begin(first, client?.record?.settled ?? 0);
    else this.#numbers = first;
    if (client === undefined || this.state === undefined) return;
    this.#transactions ??= new Transactions(this, this.state, this.ownNumbers());
    this.#transactions.begin(attach, client);
  }

  private ownNumbers(): Numbers {
    if (this.#numbers instanceof Numbers) return this.#numbers;
    const numbers = new Numbers(this);
    numbers.begin(this.#numbers, 0);
    this.#numbers = numbers;
    return numbers;
  }

  // --- handling ---

  /** Passes the next numbered message to its handler. */
  protected callNumbered(message: string | Uint8Array): unknown {
    const number = this.ownNumbers().nextToHandle();
    if (number === undefined) return undefined;
    if (this.#transactions === undefined) return this.handleAtLeastOnce(number, message);
    return telemetry.transaction.isObserved
      ? this.observeTransaction(this.#transactions, number, message)
      : this.#transactions.handle(number, message);
  }

  private observeTransaction(
    transactions: Transactions<Data, Socket>,
    number: number,
    message: string | Uint8Array,
  ): Promise<TransactionOutcome> {
    const handle = async (running: Running<"wsession:transaction">) =>
      (running.event.outcome = await transactions.handle(number, message));
    return inContextOf(this, () => telemetry.transaction.tracePromise(this.begunWith(message), handle));
  }

  /** Passes a numbered message to the handler, and settles the number once the handler has settled: at least once. */
  private handleAtLeastOnce(number: number, message: string | Uint8Array): unknown {
    const numbers = this.ownNumbers();
    if (!this.hasMessageHandler && !this.isTapped) {
      this.withoutHandler();
      // Without the refusal the client's `send` would resolve for a message that nothing handled.
      numbers.inOrder(number, () => numbers.refuse(number, NO_HANDLER));
      return undefined;
    }
    const settled = () =>
      numbers.inOrder(number, () => {
        numbers.settle(number);
        numbers.ackLater();
      });
    // Refuse the number, and end the connection, only after the earlier numbers are settled. After the end the client could not
    // receive their outcomes.
    const failed = (error: unknown): Promise<never> =>
      new Promise((_, reject) => {
        numbers.inOrder(number, () => {
          numbers.fail(number, error);
          // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- an application may throw anything
          reject(error);
        });
      });
    try {
      const handling = promiseOf(this.callPlain(message));
      if (handling !== undefined) return handling.then(settled, failed);
    } catch (error) {
      return failed(error);
    }
    settled();
    return undefined;
  }

  /** Commits the outcomes that wait for the next message, because the next message may have another client id. */
  protected flushNumbers(): Promise<void> | undefined {
    return this.#transactions?.flush();
  }

  protected override withoutHandler(): void {
    super.withoutHandler(true);
  }

  protected override notifyClosed(): void {
    super.notifyClosed();
    if (this.#numbers instanceof Numbers) this.#numbers.stop();
  }

  // --- called by transactions ---

  get connection(): Connection<Data, unknown, never, unknown, Socket> {
    return this;
  }

  get sessionConnection(): SessionConnection<Data> {
    return this;
  }

  get handlerTimeoutMs(): number {
    return this.binding.settings.handlerTimeoutMs;
  }

  get hasNextNumbered(): boolean {
    const next = this.backlog?.inbox.peek();
    return !this.isEnding && next !== undefined && leadOf(next) === Lead.Counted;
  }

  callTransaction(
    transaction: Transaction<Data, unknown, unknown, Socket>,
    message: string | Uint8Array,
  ): unknown {
    const { binding } = this;
    const outer = binding.connectionOnStack;
    binding.connectionOnStack = this;
    this.flow |= Flow.InTransaction;
    try {
      return binding.handlers.transaction?.(transaction, message);
    } finally {
      binding.connectionOnStack = outer;
    }
  }

  leaveTransaction(): void {
    this.flow &= ~Flow.InTransaction;
  }

  /**
   * In a transaction, throws in place of returning true. Otherwise the number of the message would be settled although no handler had
   * run, and the client would not send the message again.
   */
  override discardsLate(): boolean {
    const discards = super.discardsLate();
    if (discards && this.isInTransaction) throw connectionClosedError();
    return discards;
  }

  /** Reports a failed handler, which changed nothing (I21), or a failed effect of `after`. The connection stays open. */
  transactionFailed(error: unknown): void {
    if (isTransactionRefused(error, "INVALID_MESSAGE")) this.refuseMessage(error);
    else this.reportFailure("transaction", error);
  }

  // --- the client's record in the store ---

  /** Whether numbered messages are handled in transactions. */
  protected get isTransactional(): boolean {
    return this.binding.handlers.transaction !== undefined;
  }

  /**
   * Returns the client's record. `found` is the record at the handshake, which is current unless the client reports a later number or
   * another forget mark. If the store has lost acknowledged numbers, sends the frame `behind`.
   */
  protected async loadClientRecord(
    attach: Attach,
    state: LocalSession<Data>,
    found: ClientRecords | undefined | "unknown",
  ): Promise<KnownClient> {
    const { client, known } = attach;
    const isOwn = attach.session === state.id;
    let records = found === "unknown" ? undefined : found;
    // A mark that differs may have changed after the handshake. Without another read a client with a new record would be told that its
    // record is gone.
    const isCurrent =
      (records?.mark ?? 0) === attach.mark && (records?.byClient.get(client)?.settled ?? 0) >= known;
    const isEnough = found !== "unknown" && (!isOwn || isCurrent);
    if (!isEnough) records = await this.loadClients(state);
    const record = records?.byClient.get(client);
    const mark = records?.mark ?? 0;
    const { settled } = record ?? NO_RECORD;
    const isForgotten = record === undefined && mark !== attach.mark;
    if (isOwn && settled < known && !isForgotten)
      this.sendFrame(writeServerControl({ type: "behind", number: settled }));
    return { record, mark };
  }

  private async loadClients(state: LocalSession<Data>): Promise<ClientRecords | undefined> {
    const { store, calls } = state.context;
    calls.begin();
    try {
      const stored = await store.load(state.id);
      if (stored !== undefined) return stored.clients;
    } catch (error) {
      throw asStoreError(error);
    } finally {
      calls.end();
    }
    state.endSession(GONE);
    throw goneError();
  }
}

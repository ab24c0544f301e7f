import { setTimeout as wait } from "node:timers/promises";
import { isTransactionRefused, writeServerControl } from "@wsession/protocol";
import type { Attach, Awaitable } from "@wsession/protocol";
import type { Transaction } from "../api/transaction.ts";
import type { Deadlines } from "../base/deadlines.ts";
import { isAboutTheEnd, isSessionError, SessionError } from "../base/errors.ts";
import { promiseOf } from "../base/promises.ts";
import { applyCommitted, sendCommit } from "../session/commits.ts";
import type { CommitAnswer } from "../session/commits.ts";
import type { LocalSession } from "../session/local-session.ts";
import { conflictError, MAX_TRIES, pauseAfter } from "../session/lost-races.ts";
import { fenceOf } from "../session/session-connection.ts";
import type { SessionConnection } from "../session/session-connection.ts";
import { settlingRequest, StagedTransaction } from "../session/transaction.ts";
import type { TransactionOwner } from "../session/transaction.ts";
import { writesOf } from "../session/write-queue.ts";
import type { CommitNumbers, CommitRequest } from "../store/commit-contract.ts";
import type { ClientRecord } from "../store/stored-session.ts";
import type { KnownClient } from "./hello.ts";
import type { Numbers, Refusal } from "./numbers.ts";

/** After so many lost races no other writer of this process comes between, because a hot session would starve a slow handler. */
const RACES = 3;
const FAILED: Refusal = { code: "HANDLER_FAILED" };
/** What the record does not say: why. */
const REFUSED_BEFORE: Refusal = { code: "REFUSED" };

/** The connection whose messages are handled in transactions. */
export interface TransactionOutlet<Data extends object> extends TransactionOwner<Data> {
  readonly sessionConnection: SessionConnection<Data>;
  readonly deadlines: Deadlines;
  /** Milliseconds that a handler may take. */
  readonly handlerTimeoutMs: number;
  /** Whether another numbered message is the next to be handled. */
  readonly isFollowed: boolean;
  /** Calls the handler. Until `leave` the writes of the connection's handle are refused. */
  callTransaction(transaction: Transaction<Data>, message: string | Uint8Array): unknown;
  sendFrame(frame: string): void;
  /** Reports a failure after which the connection stays. */
  transactionFailed(error: unknown): void;
}

/** A number whose handler has settled. The number is told once it is in the store. */
interface Outcome {
  readonly number: number;
  /** `undefined`: applied. */
  readonly refusal: Refusal | undefined;
}

/** Runs a commit when nothing else of this process writes to the session. */
type Turn = <Result>(task: () => Awaitable<Result>) => Promise<Result>;

/**
 * Handles the numbered messages of one client on one connection, each exactly once: the number, the change and the kept messages are
 * committed in one step, and told after that. What another connection of the client has settled first counts (I21, I22, I23).
 */
export class Transactions<Data extends object> {
  readonly #outlet: TransactionOutlet<Data>;
  readonly #state: LocalSession<Data>;
  readonly #numbers: Numbers;
  #client = "";
  #mark = 0;
  /** What the store has of the client, as far as this connection knows. */
  #record: ClientRecord;
  /** The forget mark, where the store was found to know the client no more. */
  #forgottenUnder: number | undefined;
  /** Outcomes that changed nothing. They travel with the next commit, and are told after it. */
  #waiting: Outcome[] = [];

  constructor(outlet: TransactionOutlet<Data>, state: LocalSession<Data>, numbers: Numbers) {
    this.#outlet = outlet;
    this.#state = state;
    this.#numbers = numbers;
    this.#record = NO_RECORD;
  }

  /** From an attach on. `client`: what hello tells the client. */
  begin(attach: Attach, { record, mark }: KnownClient): void {
    this.#client = attach.client;
    // A client that named no session has queued its messages under the mark of this hello: they waited for it.
    this.#mark = attach.session === undefined ? mark : attach.mark;
    this.#record = record ?? NO_RECORD;
    this.#forgottenUnder = record === undefined && this.#mark !== mark ? mark : undefined;
  }

  /** Rejects where it is not known what became of the message: the connection ends then, and the client sends the message again. */
  async handle(number: number, message: string | Uint8Array): Promise<void> {
    const outcome: Outcome = { number, refusal: undefined };
    if (number <= this.#record.settled) return this.#tell(outcome);
    if (this.#forgottenUnder !== undefined)
      return this.#conclude({ type: "forgotten", mark: this.#forgottenUnder }, [outcome]);
    const { diagnostics } = this.#state.context;
    for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
      const isOver =
        tries <= RACES
          ? await this.#attempt(number, message, this.#turn)
          : await this.#turn(() => this.#attempt(number, message, atOnce));
      if (isOver) return;
      diagnostics.conflicts += 1;
      if (tries + 1 > diagnostics.writeTriesMax) diagnostics.writeTriesMax = tries + 1;
      const pauseMs = pauseAfter(tries);
      if (pauseMs > 0) await wait(pauseMs);
    }
    this.#outlet.transactionFailed(conflictError());
    await this.#settle({ number, refusal: FAILED }, this.#turn);
  }

  /** Commits the outcomes that wait for a further message. */
  async flush(): Promise<void> {
    if (this.#waiting.length > 0) await this.#settleWaiting(this.#turn);
  }

  readonly #turn: Turn = (task) => writesOf(this.#state).alone(task);

  /** One run of the handler, and its commit. False: another writer came first. */
  async #attempt(number: number, message: string | Uint8Array, turn: Turn): Promise<boolean> {
    const state = this.#state;
    const id = `${state.id}:${this.#client}:${number}`;
    const staged = new StagedTransaction(this.#outlet, state, id);
    const refusal = await this.#run(staged, message);
    if (refusal !== undefined || staged.isEmpty) return this.#settle({ number, refusal }, turn);
    const outcomes = [...this.#waiting, { number, refusal }];
    let answer: CommitAnswer | undefined;
    try {
      answer = await turn(() =>
        staged.isStale ? undefined : this.#send((fence) => staged.request(this.#numbersOf(outcomes), fence)),
      );
    } catch (error) {
      const why = refusalByStore(error);
      if (why === undefined) {
        // The messages may be in the outbox, and their offsets with them.
        if (staged.messages.length > 0) state.context.outboxes.of(state).unknown();
        throw error;
      }
      if (why.code === "NOT_SERIALISABLE") this.#outlet.transactionFailed(error);
      return this.#settle({ number, refusal: why }, turn);
    }
    switch (answer?.type) {
      case undefined:
        return false;
      case "conflict":
        state.adopt(answer.session, staged.versionAtRequest);
        return false;
      case "full":
        return this.#settle({ number, refusal: { code: "OUTBOX_FULL" } }, turn);
      case "committed":
        applyCommitted(state, staged, answer, this.#outlet.sessionConnection);
        this.#conclude(answer, outcomes);
        if (staged.effects.length > 0) this.#numbers.tell();
        for (const effect of staged.effects) this.#runEffect(effect);
        return true;
      case "settled":
      case "behind":
      case "forgotten":
        this.#conclude(answer, outcomes);
        return true;
    }
  }

  /** A number that changes nothing: it travels with the next commit where another message waits, else in a commit of its own. */
  async #settle(outcome: Outcome, turn: Turn): Promise<boolean> {
    if (outcome.refusal !== undefined) this.#state.context.diagnostics.transactionsRefused += 1;
    this.#waiting.push(outcome);
    if (!this.#outlet.isFollowed) await this.#settleWaiting(turn);
    return true;
  }

  async #settleWaiting(turn: Turn): Promise<void> {
    const outcomes = this.#waiting;
    const numbers = this.#numbersOf(outcomes);
    const answer = await turn(() => this.#send((fence) => settlingRequest(this.#state, numbers, fence)));
    this.#conclude(answer, outcomes);
  }

  #send(request: (fence: number | undefined) => CommitRequest): Promise<CommitAnswer> {
    // The fence is read in the turn: a takeover that was under way is answered by then.
    return sendCommit(this.#state, () => request(fenceOf(this.#outlet.sessionConnection)));
  }

  /** `outcomes`: of numbers that follow one another, one at least. */
  #numbersOf(outcomes: readonly Outcome[]): CommitNumbers {
    const numbers = outcomes.map(({ number }) => number);
    const refused = outcomes.filter(({ refusal }) => refusal !== undefined).map(({ number }) => number);
    const { settled } = this.#record;
    const first = Math.min(...numbers);
    return { client: this.#client, first, number: Math.max(...numbers), settled, mark: this.#mark, refused };
  }

  /** The store has answered about these numbers. */
  #conclude(answer: CommitAnswer, outcomes: readonly Outcome[]): void {
    this.#waiting = [];
    switch (answer.type) {
      case "committed":
      case "settled":
        if (answer.type === "committed") this.#state.context.diagnostics.transactions += 1;
        this.#record = answer.record;
        for (const outcome of outcomes) this.#tell(outcome);
        return;
      // What the client has no answer to may be among what was lost: the client has to send that first.
      case "behind":
        this.#numbers.ignore(outcomes.length);
        this.#outlet.sendFrame(writeServerControl({ type: "behind", number: answer.settled }));
        return;
      case "forgotten":
        this.#numbers.ignore(outcomes.length);
        this.#outlet.sendFrame(writeServerControl({ type: "forgotten", mark: answer.mark }));
        return;
      case "conflict":
      case "full":
        throw new SessionError("STORE_UNAVAILABLE", "the store refused a commit that changes nothing", {
          outcome: "not-applied",
        });
    }
  }

  /** What the record says of a number counts, and not what happened here: another connection may have settled the number first. */
  #tell({ number, refusal }: Outcome): void {
    if (this.#record.refused.includes(number)) this.#numbers.refuse(number, refusal ?? REFUSED_BEFORE);
    else this.#numbers.settle(number);
  }

  // --- the handler ---

  async #run(staged: StagedTransaction<Data>, message: string | Uint8Array): Promise<Refusal | undefined> {
    try {
      const running = promiseOf(this.#outlet.callTransaction(staged, message));
      if (running !== undefined) await this.#withinTime(running);
      return undefined;
    } catch (error) {
      return this.#refusalOf(error, staged);
    } finally {
      staged.end();
      this.#outlet.leave();
    }
  }

  #withinTime(running: Promise<unknown>): Promise<unknown> {
    const { deadlines, handlerTimeoutMs } = this.#outlet;
    if (handlerTimeoutMs === Infinity) return running;
    return new Promise((resolve, reject) => {
      const deadline = deadlines.allow(handlerTimeoutMs, () =>
        reject(
          new SessionError(
            "TRANSACTION_OVER",
            `the handler transaction did not settle within ${handlerTimeoutMs} ms`,
          ),
        ),
      );
      running.then(resolve, reject).finally(() => deadline.cancel());
    });
  }

  /** Why a message is refused whose handler threw `error`. Throws where the message is to be sent again. */
  #refusalOf(error: unknown, staged: StagedTransaction<Data>): Refusal {
    if (isTransactionRefused(error)) {
      if (error.code === "INVALID_MESSAGE") this.#outlet.transactionFailed(error);
      return error;
    }
    const isEnding = this.#state.gone || this.#outlet.sessionConnection.isEnding;
    if (isSessionError(error, "STORE_UNAVAILABLE") || (isEnding && isAboutTheEnd(error))) throw error;
    if (staged.isRefusal(error)) {
      const why = refusalByStore(error);
      if (why !== undefined) return why;
    }
    this.#outlet.transactionFailed(error);
    return FAILED;
  }

  #runEffect(effect: () => unknown): void {
    const failed = (error: unknown) => this.#outlet.transactionFailed(error);
    try {
      promiseOf(effect())?.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** A client that the store has no record of. */
export const NO_RECORD: ClientRecord = { settled: 0, refused: [], floor: 1 };

const atOnce: Turn = async (task) => task();

/** Of what is staged, what can't be stored; `undefined` where that is not why `error` was thrown. */
function refusalByStore(error: unknown): Refusal | undefined {
  if (!isSessionError(error) || error.outcome !== "not-applied") return undefined;
  const { code, message } = error;
  switch (code) {
    case "INVALID_DATA":
    case "TOO_LARGE":
    case "NOT_SERIALISABLE":
    case "OUTBOX_FULL":
      return { code, message };
    default:
      return undefined;
  }
}

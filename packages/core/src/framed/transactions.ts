import { setTimeout as wait } from "node:timers/promises";
import { writeServerControl } from "@wsession/protocol";
import type { Attach, Awaitable } from "@wsession/protocol";
import { SessionError } from "../base/errors.ts";
import { callDetached } from "../base/promises.ts";
import type { TransactionOutcome } from "../base/telemetry-events.ts";
import { applyCommitted, sendCommit } from "../session/commits.ts";
import type { CommitAnswer } from "../session/commits.ts";
import type { LocalSession } from "../session/local-session.ts";
import { conflictError, MAX_TRIES, pauseAfter } from "../session/lost-races.ts";
import { fenceOf } from "../session/session-connection.ts";
import { settlingRequest, StagedTransaction } from "../session/transaction.ts";
import { writesOf } from "../session/write-queue.ts";
import type { CommitNumbers, CommitRequest } from "../store/commit-contract.ts";
import type { ClientRecord } from "../store/stored-session.ts";
import { runHandler } from "./handler-run.ts";
import type { HandlerConnection } from "./handler-run.ts";
import { NO_RECORD } from "./hello.ts";
import type { KnownClient } from "./hello.ts";
import type { Numbers } from "./numbers.ts";
import { FAILED, REFUSED_BEFORE, refusalByStore } from "./refusals.ts";
import type { Refusal } from "./refusals.ts";

/** After this many lost races other writers of this process wait for the handler, because otherwise a slow handler would starve. */
const MAX_RACES_WITHOUT_LOCK = 3;

/** The connection whose messages are handled in transactions. */
export interface TransactionConnection<Data extends object, Socket = unknown> extends HandlerConnection<
  Data,
  Socket
> {
  /** Whether the next message to be handled is a numbered one. */
  readonly hasNextNumbered: boolean;
  sendFrame(frame: string): void;
  /** Sends the frames that `task` sends as one write. */
  inOneWrite(task: () => void): void;
}

/** A number whose handler has settled. The ack or the refusal is sent once the store has the number. */
interface Outcome {
  readonly number: number;
  /** `undefined` if the message was applied. */
  readonly refusal: Refusal | undefined;
}

/** Runs a task while no other write of this process to the session is in progress. */
type RunAlone = <Result>(task: () => Awaitable<Result>) => Promise<Result>;

/**
 * Handles the numbered messages of one client on one connection, each exactly once: the number, the change and the kept
 * messages are committed in one step. The ack is sent after that. If another connection of the client has settled a number
 * first, that outcome counts (I21, I22, I23).
 */
export class Transactions<Data extends object, Socket> {
  readonly #connection: TransactionConnection<Data, Socket>;
  readonly #state: LocalSession<Data>;
  readonly #numbers: Numbers;
  #client = "";
  #mark = 0;
  /** The latest record of the client that this connection has received. */
  #record: ClientRecord;
  /** The session's forget mark, if the attach showed that the store no longer has the client's record; else `undefined`. */
  #newForgetMark: number | undefined;
  /** Outcomes that changed nothing. They become part of the next commit, and are sent to the client after that commit. */
  #uncommitted: Outcome[] = [];

  constructor(connection: TransactionConnection<Data, Socket>, state: LocalSession<Data>, numbers: Numbers) {
    this.#connection = connection;
    this.#state = state;
    this.#numbers = numbers;
    this.#record = NO_RECORD;
  }

  /** Starts with an attach. `client` is the record that hello contains. */
  begin(attach: Attach, { record, mark }: KnownClient): void {
    this.#client = attach.client;
    // A client that named no session queued its messages until this hello, so they carry the mark of this hello.
    this.#mark = attach.session === undefined ? mark : attach.mark;
    this.#record = record ?? NO_RECORD;
    this.#newForgetMark = record === undefined && this.#mark !== mark ? mark : undefined;
  }

  /** Rejects if the outcome of the message is unknown. The connection then ends, and the client sends the message again. */
  handle(number: number, message: string | Uint8Array): Awaitable<TransactionOutcome> {
    const outcome: Outcome = { number, refusal: undefined };
    if (number <= this.#record.settled) return this.#repeat(outcome);
    if (this.#newForgetMark !== undefined)
      return this.#applyAnswer({ type: "forgotten", mark: this.#newForgetMark }, [outcome]);
    // Not an async function, because its state would take more memory than the objects of the transaction.
    return this.#attempt(number, message, this.#runAlone).then(
      (done) => done ?? this.#tryAgain(number, message),
    );
  }

  /** Commits the outcomes that wait for a further message. */
  async flush(): Promise<void> {
    if (this.#uncommitted.length > 0) await this.#commitOutcomes(this.#runAlone);
  }

  readonly #runAlone: RunAlone = (task) => writesOf(this.#state).alone(task);

  /** The first run has lost a race. Runs the handler until a run wins. */
  async #tryAgain(number: number, message: string | Uint8Array): Promise<TransactionOutcome> {
    const { diagnostics } = this.#state.context;
    for (let tries = 1; ; tries += 1) {
      diagnostics.conflicts += 1;
      if (tries + 1 > diagnostics.writeTriesMax) diagnostics.writeTriesMax = tries + 1;
      const pauseMs = pauseAfter(tries);
      if (pauseMs > 0) await wait(pauseMs);
      if (tries === MAX_TRIES) break;
      const done =
        tries < MAX_RACES_WITHOUT_LOCK
          ? await this.#attempt(number, message, this.#runAlone)
          : await this.#runAlone(() => this.#attempt(number, message, async (task) => task()));
      if (done !== undefined) return done;
    }
    this.#connection.transactionFailed(conflictError());
    return this.#recordOutcome({ number, refusal: FAILED }, this.#runAlone);
  }

  /** Runs the handler once, and commits. Resolves with `undefined` if another writer was first. */
  #attempt(
    number: number,
    message: string | Uint8Array,
    runAlone: RunAlone,
  ): Promise<TransactionOutcome | undefined> {
    const state = this.#state;
    const staged = new StagedTransaction(this.#connection, state, this.#client, number);
    const refusal = runHandler(this.#connection, state, staged, message);
    return refusal instanceof Promise
      ? refusal.then((one) => this.#conclude(number, one, staged, runAlone))
      : this.#conclude(number, refusal, staged, runAlone);
  }

  /** The handler has settled. */
  #conclude(
    number: number,
    refusal: Refusal | undefined,
    staged: StagedTransaction<Data, Socket>,
    runAlone: RunAlone,
  ): Promise<TransactionOutcome | undefined> {
    if (refusal !== undefined || staged.isEmpty) return this.#recordOutcome({ number, refusal }, runAlone);
    const outcomes = [...this.#uncommitted, { number, refusal }];
    return runAlone(() =>
      staged.isStale
        ? undefined
        : this.#send((fence) => staged.request(this.#commitNumbers(outcomes), fence)),
    ).then(
      (answer) =>
        answer?.type === "committed"
          ? this.#committed(answer, outcomes, staged)
          : this.#notCommitted(answer, outcomes, staged, runAlone),
      (error: unknown) => this.#commitFailed(error, staged, runAlone),
    );
  }

  #committed(
    answer: Extract<CommitAnswer, { type: "committed" }>,
    outcomes: readonly Outcome[],
    staged: StagedTransaction<Data, Socket>,
  ): TransactionOutcome {
    this.#connection.inOneWrite(() => {
      applyCommitted(this.#state, staged, answer, this.#connection.sessionConnection);
      this.#applyAnswer(answer, outcomes);
    });
    const failed = (error: unknown) => this.#connection.transactionFailed(error);
    for (const effect of staged.effects) void callDetached(effect, failed);
    return "committed";
  }

  /** Returns `undefined` if the handler has to run again. */
  #notCommitted(
    answer: Exclude<CommitAnswer, { type: "committed" }> | undefined,
    outcomes: readonly Outcome[],
    staged: StagedTransaction<Data, Socket>,
    runAlone: RunAlone,
  ): Awaitable<TransactionOutcome | undefined> {
    switch (answer?.type) {
      case undefined:
        return undefined;
      case "conflict":
        this.#state.adopt(answer.session, staged.versionAtRequest);
        return undefined;
      case "full":
        return this.#recordOutcome({ number: staged.number, refusal: { code: "OUTBOX_FULL" } }, runAlone);
      case "settled":
      case "behind":
      case "forgotten":
        return this.#applyAnswer(answer, outcomes);
    }
  }

  #commitFailed(
    error: unknown,
    staged: StagedTransaction<Data, Socket>,
    runAlone: RunAlone,
  ): Promise<TransactionOutcome> {
    const why = refusalByStore(error);
    if (why === undefined) {
      // The store may have appended the messages, so the stream has to read the outbox.
      const state = this.#state;
      if (staged.messages.length > 0) state.context.outboxes.of(state).onUnknownAppend();
      throw error;
    }
    // Only the application's code can correct data that can't be read or represented.
    if (why.code === "NOT_SERIALISABLE" || why.code === "INVALID_DATA")
      this.#connection.transactionFailed(error);
    return this.#recordOutcome({ number: staged.number, refusal: why }, runAlone);
  }

  /** Records the outcome of a number that changes nothing. If another message waits, the next commit settles the number. */
  async #recordOutcome(outcome: Outcome, runAlone: RunAlone): Promise<TransactionOutcome> {
    if (outcome.refusal !== undefined) this.#state.context.diagnostics.transactionsRefused += 1;
    this.#uncommitted.push(outcome);
    if (!this.#connection.hasNextNumbered) await this.#commitOutcomes(runAlone);
    if (outcome.refusal === undefined) return "empty";
    return outcome.refusal === FAILED ? "failed" : "refused";
  }

  async #commitOutcomes(runAlone: RunAlone): Promise<void> {
    const outcomes = this.#uncommitted;
    const numbers = this.#commitNumbers(outcomes);
    const answer = await runAlone(() => this.#send((fence) => settlingRequest(this.#state, numbers, fence)));
    this.#applyAnswer(answer, outcomes);
  }

  #send(request: (fence: number | undefined) => CommitRequest): Awaitable<CommitAnswer> {
    // Read the fence inside the task, when a pending takeover has been answered.
    return sendCommit(this.#state, request(fenceOf(this.#connection.sessionConnection)));
  }

  /** `outcomes` must have at least one outcome, and consecutive numbers. */
  #commitNumbers(outcomes: readonly Outcome[]): CommitNumbers {
    const refused = outcomes.filter(({ refusal }) => refusal !== undefined).map(({ number }) => number);
    const { settled } = this.#record;
    const first = outcomes[0]?.number ?? settled + 1;
    const number = first + outcomes.length - 1;
    return { client: this.#client, first, number, settled, mark: this.#mark, refused };
  }

  /** Handles the store's answer to the commit of these outcomes. */
  #applyAnswer(answer: CommitAnswer, outcomes: readonly Outcome[]): TransactionOutcome {
    this.#uncommitted = [];
    switch (answer.type) {
      case "committed":
      case "settled":
        if (answer.type === "committed") this.#state.context.diagnostics.transactions += 1;
        this.#record = answer.record;
        for (const outcome of outcomes) this.#sendOutcome(outcome);
        this.#numbers.sendAck();
        return answer.type === "committed" ? "committed" : "repeated";
      // The store lost numbers that it had acknowledged. The client has to attach again before further messages are handled.
      case "behind":
        this.#numbers.discardUntilAttach(outcomes.length);
        this.#connection.sendFrame(writeServerControl({ type: "behind", number: answer.settled }));
        return "lost";
      case "forgotten":
        this.#numbers.discardUntilAttach(outcomes.length);
        this.#connection.sendFrame(writeServerControl({ type: "forgotten", mark: answer.mark }));
        return "lost";
      case "conflict":
      case "full":
        throw new SessionError("STORE_UNAVAILABLE", "the store refused a commit that changes nothing", {
          outcome: "not-applied",
        });
    }
  }

  /** Sends the outcome of the record, not the local outcome, because another connection may have settled the number first. */
  #sendOutcome({ number, refusal }: Outcome): void {
    if (this.#record.refused.includes(number)) this.#numbers.refuse(number, refusal ?? REFUSED_BEFORE);
    else this.#numbers.settle(number);
  }

  /** The number was settled before. */
  #repeat(outcome: Outcome): TransactionOutcome {
    this.#sendOutcome(outcome);
    this.#numbers.ackLater();
    return "repeated";
  }
}

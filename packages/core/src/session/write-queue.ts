import { setTimeout as wait } from "node:timers/promises";
import { GONE } from "../base/endings.ts";
import { asStoreError, fencedError, goneError, isSessionError } from "../base/errors.ts";
import { OwnedPromise } from "../base/owned-promise.ts";
import type { Running } from "../base/operation.ts";
import { NEXT_MICROTASK } from "../base/promises.ts";
import { telemetry } from "../base/telemetry.ts";
import type { Awaitable } from "@wsession/protocol";
import { adoptWritten } from "./adopt-written.ts";
import { conflictError, MAX_TRIES, pauseAfter } from "./lost-races.ts";
import { fenceOf } from "./session-connection.ts";
import type { LocalSession } from "./local-session.ts";
import type { Write, SessionWrites } from "./writes.ts";
import type { WriteResult } from "../store/contract.ts";
import { makePlan } from "./write-plan.ts";
import type { Plan, QueuedWrite } from "./write-plan.ts";

/** The errors of writes whose data can't be read or stored. */
const ABOUT_DATA = ["NOT_SERIALISABLE", "TOO_LARGE", "INVALID_DATA"] as const;

/**
 * Sends a session's writes in order, one request at a time. The writes that wait for a request form the next request (I8, I10).
 * With a shared store the writes of one tick form one request too.
 */
export class WriteQueue<Data extends object> implements SessionWrites<Data> {
  readonly #state: LocalSession<Data>;
  readonly #queued: QueuedWrite<Data>[] = [];
  readonly #tasks: (() => Promise<unknown>)[] = [];
  #isBusy = false;
  #isScheduled = false;
  /** The request in flight, and how often it was tried. */
  #sent: { readonly plan: Plan<Data>; readonly tries: number } | undefined;

  constructor(state: LocalSession<Data>) {
    this.#state = state;
  }

  write<Result>(write: Write<Data>, resultOf: (data: Readonly<Data>) => Result): Promise<Result> {
    if (!telemetry.write.isObserved) return this.#enqueue(write, resultOf);
    const begun = { sessionId: this.#state.id, kind: write.kind.type };
    return telemetry.write.run(begun, (running) => this.#enqueue(write, resultOf, running));
  }

  #enqueue<Result>(
    { kind, writer }: Write<Data>,
    resultOf: (data: Readonly<Data>) => Result,
    running?: Running<"wsession:write">,
  ): Promise<Result> {
    const written = new OwnedPromise<Result>((resolve, reject) => {
      const queued: QueuedWrite<Data> = {
        kind,
        writer,
        isSingle: false,
        result: undefined,
        resolve: (data) => resolve(resultOf(data)),
        reject: (error) => written.fail(reject, error),
      };
      this.#queued.push(running === undefined ? queued : observedWrite(queued, running));
    });
    written.owner = writer ?? this.#state;
    if (!this.#state.context.store.capabilities.shared) this.#flush();
    else if (!this.#isScheduled && !this.#isBusy) {
      this.#isScheduled = true;
      void NEXT_MICROTASK.then(this.#onTurn);
    }
    return written;
  }

  alone<Result>(task: () => Awaitable<Result>): Promise<Result> {
    const done = new Promise<Result>((resolve, reject) => {
      // The caller's code runs before the queue sends the next request, because the caller may apply the result to the session.
      const failed = (error: unknown) => reject(asStoreError(error));
      this.#tasks.push(() => promised(task).then(resolve, failed));
    });
    this.#flush();
    return done;
  }

  // One write is in flight at a time, so the queue creates these closures once, and a write allocates none.
  readonly #onTurn = (): void => {
    this.#isScheduled = false;
    this.#flush();
  };
  readonly #onAnswer = (result: WriteResult): void => {
    const sent = this.#free();
    if (sent !== undefined) this.#applyResult(sent.plan, result, sent.tries);
    this.#flush();
  };
  readonly #onFailure = (error: unknown): void => {
    const sent = this.#free();
    if (sent !== undefined) this.#failed(sent.plan, error);
    this.#flush();
  };

  #flush(): void {
    while (!this.#isBusy) {
      const task = this.#tasks.shift();
      if (task !== undefined) this.#pauseFor(task());
      else if (this.#queued.length > 0) this.#attempt(this.#take(), 1);
      else return;
    }
  }

  /** Sends nothing until `running` has settled and `then` has run. */
  #pauseFor(running: Promise<unknown>, then?: () => void): void {
    this.#occupy();
    const go = () => {
      this.#free();
      then?.();
      this.#flush();
    };
    running.then(go, go);
  }

  #occupy(): void {
    this.#isBusy = true;
    this.#state.context.calls.begin();
  }

  #free(): { readonly plan: Plan<Data>; readonly tries: number } | undefined {
    const sent = this.#sent;
    this.#sent = undefined;
    this.#isBusy = false;
    this.#state.context.calls.end();
    return sent;
  }

  /**
   * Takes the writes at the head of the queue that may be sent together. The queue keeps its array. A dropped array would stay in V8's
   * old generation until the next full collection, and each collection of the young generation would keep and copy its writes.
   */
  #take(): QueuedWrite<Data>[] {
    const [first] = this.#queued;
    const end =
      first?.isSingle === true
        ? 1
        : this.#queued.findIndex(
            (write) => write.isSingle || fenceOf(write.writer) !== fenceOf(first?.writer),
          );
    return this.#queued.splice(0, end < 0 ? this.#queued.length : end);
  }

  #attempt(batch: readonly QueuedWrite<Data>[], tries: number): void {
    const state = this.#state;
    if (state.isGone) return rejectAll(batch, goneError());
    // The application's functions run here, and may write. Such a write has to wait in the queue until this plan is complete.
    this.#isBusy = true;
    let plan: Plan<Data>;
    try {
      plan = makePlan(state, batch);
    } catch (error) {
      // A proxy or a getter of the application's data threw. If the error got out of here, the queue would stop for ever.
      return this.#refused(batch, error);
    } finally {
      this.#isBusy = false;
    }
    if (plan.writes.length === 0) return;
    const { store, diagnostics } = state.context;
    diagnostics.writes += 1;
    if (tries > diagnostics.writeTriesMax) diagnostics.writeTriesMax = tries;
    let answer: Awaitable<WriteResult>;
    try {
      answer = store.write(plan.request);
    } catch (error) {
      return this.#failed(plan, error);
    }
    if ("type" in answer) return this.#applyResult(plan, answer, tries);
    this.#sent = { plan, tries };
    this.#occupy();
    answer.then(this.#onAnswer, this.#onFailure);
  }

  #applyResult(plan: Plan<Data>, result: WriteResult, tries: number): void {
    const state = this.#state;
    const { writes, next } = plan;
    switch (result.type) {
      case "written":
        adoptWritten(state, result, plan, soleWriter(plan.writes));
        for (const write of writes) write.resolve(write.result ?? next);
        return;
      case "conflict":
        return this.#retry(plan, result, tries);
      case "missing":
        state.endSession(GONE);
        return rejectAll(writes, goneError());
      case "fenced":
        // The answer does not contain the store's fence, which is higher than the sent one.
        state.replace((plan.request.fence ?? 0) + 1);
        return rejectAll(writes, fencedError());
    }
  }

  #retry(plan: Plan<Data>, result: Extract<WriteResult, { type: "conflict" }>, tries: number): void {
    const { writes } = plan;
    this.#state.context.diagnostics.conflicts += 1;
    try {
      this.#state.adopt(result.session, plan.versionAtRequest);
    } catch (error) {
      return rejectAll(writes, error);
    }
    if (tries >= MAX_TRIES) return rejectAll(writes, conflictError());
    const pauseMs = pauseAfter(tries);
    if (pauseMs === 0) return this.#attempt(writes, tries + 1);
    this.#pauseFor(wait(pauseMs), () => this.#attempt(writes, tries + 1));
  }

  #failed({ writes }: Plan<Data>, error: unknown): void {
    if (isSessionError(error, "SESSION_GONE")) this.#state.endSession(GONE);
    this.#refused(writes, error);
  }

  /** A batch that is refused for its data is tried again one by one, so that only the bad write fails. */
  #refused(writes: readonly QueuedWrite<Data>[], error: unknown): void {
    if (writes.length > 1 && ABOUT_DATA.some((code) => isSessionError(error, code)))
      this.#queued.unshift(...writes.map((write): QueuedWrite<Data> => ({ ...write, isSingle: true })));
    else rejectAll(writes, asStoreError(error));
  }
}

/** A session's queue, created by its first use. */
export function writesOf<Data extends object>(state: LocalSession<Data>): SessionWrites<Data> {
  return (state.writes ??= new WriteQueue(state));
}

/** The one connection that made all of the writes, if there is one. */
function soleWriter<Data extends object>(writes: readonly QueuedWrite<Data>[]): QueuedWrite<Data>["writer"] {
  const writer = writes[0]?.writer;
  return writes.every((write) => write.writer === writer) ? writer : undefined;
}

/** Passes the outcome on, and ends the observed operation. */
function observedWrite<Data extends object>(
  write: QueuedWrite<Data>,
  running: Running<"wsession:write">,
): QueuedWrite<Data> {
  return {
    ...write,
    resolve(data) {
      running.end();
      write.resolve(data);
    },
    reject(error) {
      running.end(error);
      write.reject(error);
    },
  };
}

function promised<Result>(task: () => Awaitable<Result>): Promise<Result> {
  try {
    // A native promise is returned as it is.
    return Promise.resolve(task());
  } catch (error) {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- a task may throw anything
    return Promise.reject(error);
  }
}

function rejectAll(batch: readonly { readonly reject: (error: unknown) => void }[], error: unknown): void {
  for (const write of batch) write.reject(error);
}

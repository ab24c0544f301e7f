/** Operations with a duration, as telemetry publishes them. */
import { tracingChannel, channel } from "node:diagnostics_channel";
import type { Channel, TracingChannel } from "node:diagnostics_channel";
import { isSessionError } from "./errors.ts";
import { promiseOf } from "./promises.ts";
import type { Begun, HandshakeRefusal, OperationName, TelemetryEvents } from "./telemetry-events.ts";

type OutcomeOf<Name extends OperationName> = TelemetryEvents[Name]["outcome"];

/** An operation in progress, which is published on the channels of a TracingChannel. */
export interface Running<Name extends OperationName> {
  /** A task may set `outcome`. Otherwise the outcome is that of a success, or that of a failure if there is an error. */
  readonly event: {
    outcome: OutcomeOf<Name> | undefined;
    status?: number | undefined;
    refusal?: HandshakeRefusal | undefined;
  };
  /** Ends the operation; with an error if it failed. Only the first call counts. */
  end(error?: unknown): void;
}

/** The channels of one kind of operation, and the outcomes that they publish. */
interface Kind<Name extends OperationName> {
  readonly ended: Channel;
  readonly tracing: TracingChannel<unknown, object>;
  readonly succeeded: OutcomeOf<Name>;
  readonly failed: (error: unknown) => OutcomeOf<Name>;
}

/**
 * The channels of one kind of operation. All channels of one operation get the same object as the payload, so that a listener can
 * recognise the operation by the identity of the object. `tracing:NAME:start` also runs the stores of AsyncLocalStorage that are
 * bound to that channel. `NAME` gets the payload once it is complete.
 *
 * A caller checks `isObserved` first, because without a listener nothing may be allocated.
 */
export class Operation<Name extends OperationName> {
  readonly #kind: Kind<Name>;

  constructor(name: Name, succeeded: OutcomeOf<Name>, failed: (error: unknown) => OutcomeOf<Name>) {
    this.#kind = { ended: channel(name), tracing: tracingChannel(name), succeeded, failed };
  }

  get isObserved(): boolean {
    const { ended, tracing } = this.#kind;
    return ended.hasSubscribers || tracing.hasSubscribers;
  }

  /** Runs `task`, and publishes its end once the promise that `task` returns has settled. Returns that promise, or the plain result. */
  trace(begun: Begun<Name>, task: (running: Running<Name>) => unknown): unknown {
    return this.run(begun, (running) => {
      const result = task(running);
      // A thenable may begin its work in `then`, so only one promise may call `then`.
      const promise = promiseOf(result);
      if (promise === undefined) running.end();
      else watch(promise, running);
      return promise ?? result;
    });
  }

  /** As `trace`, for a task that always returns a promise. */
  tracePromise<Result>(
    begun: Begun<Name>,
    task: (running: Running<Name>) => Promise<Result>,
  ): Promise<Result> {
    return this.run(begun, (running) => {
      const promise = task(running);
      watch(promise, running);
      return promise;
    });
  }

  /** As `trace`, for a task that calls `running.end` itself, now or later. A throw ends the operation too. */
  run<Result>(begun: Begun<Name>, task: (running: Running<Name>) => Result): Result {
    const { start, end } = this.#kind.tracing;
    const running = new RunningOperation<Name>(this.#kind, begun);
    return start.runStores(running.event, () => {
      try {
        return task(running);
      } catch (error) {
        running.end(error ?? "unknown");
        throw error;
      } finally {
        running.hasReturned = true;
        end.publish(running.event);
      }
    });
  }
}

class RunningOperation<Name extends OperationName> implements Running<Name> {
  readonly event: Begun<Name> & {
    outcome: OutcomeOf<Name> | undefined;
    durationMs: number | undefined;
    errorType: string | undefined;
    status?: number | undefined;
  };
  /** Whether the task has returned: a later end is asynchronous. */
  hasReturned = false;
  #hasEnded = false;
  readonly #kind: Kind<Name>;
  readonly #startedAt: number;

  constructor(kind: Kind<Name>, begun: Begun<Name>) {
    this.#kind = kind;
    this.event = { ...begun, outcome: undefined, durationMs: undefined, errorType: undefined };
    this.#startedAt = performance.now();
  }

  end(error?: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const { event } = this;
    const { ended, tracing, succeeded, failed } = this.#kind;
    const hasFailed = error !== undefined;
    event.outcome ??= hasFailed ? failed(error) : succeeded;
    event.durationMs = performance.now() - this.#startedAt;
    if (hasFailed) event.errorType = errorTypeOf(error);
    if (hasFailed) tracing.error.publish(event);
    if (this.hasReturned) tracing.asyncStart.publish(event);
    ended.publish(event);
    if (this.hasReturned) tracing.asyncEnd.publish(event);
  }
}

function watch<Name extends OperationName>(promise: Promise<unknown>, running: Running<Name>): void {
  promise.then(
    () => running.end(),
    (error: unknown) => running.end(error ?? "unknown"),
  );
}

/** The kind of an error. The message may contain data, and so may a name that is no identifier. */
function errorTypeOf(error: unknown): string {
  try {
    if (isSessionError(error)) return error.code;
    if (error instanceof Error && /^\w{1,64}$/.test(error.name)) return error.name;
  } catch {
    // A getter of the error threw.
  }
  return "unknown";
}

import { asStoreError, shutDownError } from "../base/errors.ts";
import type { Awaitable } from "@wsession/protocol";
import type { SessionStore } from "../store/contract.ts";

/** Counts the calls of the store in progress. Shutdown waits for all of them before it closes the store. */
export class StoreCalls {
  readonly #store: SessionStore;
  /** Reports a failed call that no caller waits for. */
  readonly #report: (error: unknown, sessionId: string) => void;
  #underWay = 0;
  #onIdle: (() => void) | undefined;
  #isClosed = false;

  constructor(store: SessionStore, report: (error: unknown, sessionId: string) => void) {
    this.#store = store;
    this.#report = report;
  }

  /** True once `close` has begun to close the store. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  assertNotClosed(): void {
    if (this.#isClosed) throw shutDownError();
  }

  /** Calls the store, counted. Every rejection is a typed error (I11): SHUTTING_DOWN once `close` has settled. */
  async ask<Result>(call: () => Result): Promise<Awaited<Result>> {
    this.assertNotClosed();
    return this.counted(() => typed(call));
  }

  /** Counts `run` as one call. Otherwise shutdown could close the store between two calls of one operation. */
  async counted<Result>(run: () => Promise<Result>): Promise<Result> {
    this.begin();
    try {
      return await run();
    } finally {
      this.end();
    }
  }

  /**
   * Makes a call of the store for which no caller waits. A failure is reported. The call is allowed after `close` too, because a
   * session that a late handshake created still has to be released.
   */
  inBackground(call: () => unknown, sessionId: string): void {
    this.begin();
    typed(call).then(
      () => this.end(),
      (error: unknown) => {
        this.#report(error, sessionId);
        this.end();
      },
    );
  }

  /** Counts one more call, until the matching `end`. */
  begin(): void {
    this.#underWay += 1;
  }

  end(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#onIdle?.();
  }

  /**
   * Awaits application code within a counted call, and does not count that time, because the application's code may hang and
   * shutdown must not hang with it.
   */
  async uncounted<Result>(running: Awaitable<Result>): Promise<Result> {
    this.end();
    try {
      return await running;
    } finally {
      this.begin();
    }
  }

  /** Waits until no call is in progress, then closes the store. */
  async close(): Promise<void> {
    while (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    this.#isClosed = true;
    await this.#store.close();
  }
}

async function typed<Result>(call: () => Result): Promise<Awaited<Result>> {
  try {
    return await call();
  } catch (error) {
    throw asStoreError(error);
  }
}

/**
 * Calls the store and handles its answer, in the same tick if the store answers synchronously. Without `onError`, throws or rejects
 * with a typed error (I11).
 */
export function withAnswer<Answer extends { readonly type: string }, Result>(
  call: () => Awaitable<Answer>,
  onAnswer: (answer: Answer) => Result | Promise<Result>,
  onError: (error: unknown) => Result | Promise<Result> = throwTyped,
): Result | Promise<Result> {
  let answer: Awaitable<Answer>;
  try {
    answer = call();
  } catch (error) {
    return onError(error);
  }
  return "type" in answer ? onAnswer(answer) : Promise.resolve(answer).then(onAnswer, onError);
}

function throwTyped(error: unknown): never {
  throw asStoreError(error);
}

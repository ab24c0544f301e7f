/** The promises of `connection.ready()`. */
import type { Deadline, Deadlines } from "../base/deadlines.ts";
import { SessionError } from "../base/errors.ts";

interface Waiter<Value> {
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

/** The calls of `ready` that wait for a session. Each settles: with the session, an error, its time limit, or its signal (I6). */
export class ReadyWaiters<Value> {
  readonly #waiting = new Set<Waiter<Value>>();

  /** `timeoutMs` of 0 or `Infinity`: no time limit. Below 0: the time is over already. */
  wait(deadlines: Deadlines, timeoutMs: number, signal: AbortSignal | undefined): Promise<Value> {
    if (timeoutMs < 0) return Promise.reject(timedOut(timeoutMs));
    return new Promise((resolve, reject) => {
      let deadline: Deadline | undefined;
      const done = () => {
        deadline?.cancel();
        signal?.removeEventListener("abort", aborted);
        this.#waiting.delete(waiter);
      };
      const waiter: Waiter<Value> = {
        resolve(value) {
          done();
          resolve(value);
        },
        reject(error) {
          done();
          reject(error);
        },
      };
      const aborted = () => waiter.reject(signal?.reason);
      signal?.addEventListener("abort", aborted);
      if (timeoutMs > 0 && timeoutMs < Infinity) {
        deadline = deadlines.allow(timeoutMs, () => waiter.reject(timedOut(timeoutMs)));
      }
      this.#waiting.add(waiter);
    });
  }

  resolve(value: Value): void {
    for (const waiter of [...this.#waiting]) waiter.resolve(value);
  }

  reject(error: unknown): void {
    for (const waiter of [...this.#waiting]) waiter.reject(error);
  }
}

function timedOut(timeoutMs: number): SessionError {
  return new SessionError("READY_TIMEOUT", `the session was not set within ${timeoutMs} ms`);
}

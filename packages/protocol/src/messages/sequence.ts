import { isPromiseLike } from "../awaitable.ts";
import type { Verdict } from "./check.ts";

/** Keeps the order of the calls of each key, although some calls have to wait for an asynchronous schema. */
export class Sequence<Key> {
  /** The last pending call of each key. A key without a pending call has no entry. */
  readonly #tails = new Map<Key, Promise<void>>();

  /** Whether a call of this key is pending. */
  isWaiting(key: Key): boolean {
    return this.#tails.has(key);
  }

  /** Calls `act` with the verdict, after every earlier call for this key has called its `act`. The verdict must not reject. */
  inOrder<Result>(
    key: Key,
    verdict: Verdict | Promise<Verdict>,
    act: (verdict: Verdict) => Result | PromiseLike<Result>,
  ): Promise<Result> {
    const turn = Promise.all([verdict, this.#tails.get(key)]);
    const result = turn.then(([known]) => act(known));
    // Wait for the call of `act`, and not for its promise: only the order of the calls is kept.
    const tail = turn.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
    return result;
  }

  /** As `inOrder`, but calls `act` at once and returns its result if nothing is pending. */
  nowOrInOrder(key: Key, verdict: Verdict | Promise<Verdict>, act: (verdict: Verdict) => unknown): unknown {
    return isPromiseLike(verdict) || this.#tails.has(key) ? this.inOrder(key, verdict, act) : act(verdict);
  }
}

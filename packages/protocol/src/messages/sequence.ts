import { isPromiseLike } from "../awaitable.ts";
import type { Verdict } from "./check.ts";

/** Keeps the order of what is done for each key, where some of it has to wait for a schema. */
export class Sequence<Key> {
  /** The last one of each key that waits. A key that nothing waits for has no entry. */
  readonly #tails = new Map<Key, Promise<void>>();

  /** Whether something of this key waits. */
  isWaiting(key: Key): boolean {
    return this.#tails.has(key);
  }

  /** Calls `act` with the verdict, once the `act` of every earlier call with this key was called. The verdict must not reject. */
  behind<Result>(
    key: Key,
    verdict: Verdict | Promise<Verdict>,
    act: (verdict: Verdict) => Result | PromiseLike<Result>,
  ): Promise<Result> {
    const turn = Promise.all([verdict, this.#tails.get(key)]);
    const result = turn.then(([known]) => act(known));
    // Behind `act`, and not behind what it returns: only the order of the calls is kept.
    const tail = turn.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
    return result;
  }

  /** As `behind`; at once, and with the very result of `act`, where nothing has to be waited for. */
  follow(key: Key, verdict: Verdict | Promise<Verdict>, act: (verdict: Verdict) => unknown): unknown {
    return isPromiseLike(verdict) || this.#tails.has(key) ? this.behind(key, verdict, act) : act(verdict);
  }
}

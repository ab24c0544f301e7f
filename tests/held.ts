import { deferred } from "@wsession/conformance";
import type { SessionStore } from "@wsession/core";

/** A wait in the middle of something, for a test to put another thing into. */
export class Gap {
  readonly #reached = deferred();
  readonly #left = deferred();
  #isUsed = false;

  /** Resolves once the gap has been reached. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  /** The first who comes here waits until the test lets go; others pass. */
  async wait(): Promise<void> {
    if (this.#isUsed) return;
    this.#isUsed = true;
    this.#reached.resolve();
    await this.#left.promise;
  }

  letGo(): void {
    this.#left.resolve();
  }
}

type Call = "create" | "resume" | "rotate" | "takeOver";

/**
 * The store, with a gap before or after a call: before, the store has not heard of the call yet; after, the call has taken
 * effect, and its answer is on the way.
 */
export function withGap(store: SessionStore, call: Call, when: "before" | "after", gap: Gap): SessionStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      if (name !== call) return member.bind(target);
      return async (...args: unknown[]): Promise<unknown> => {
        if (when === "before") await gap.wait();
        const answer: unknown = await Reflect.apply(member, target, args);
        if (when === "after") await gap.wait();
        return answer;
      };
    },
  });
}

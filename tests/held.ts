import { deferred } from "@wsession/conformance";
import type { SessionStore } from "@wsession/core";

/** A pause in the middle of an operation, in which a test can do something else. */
export class Gap {
  readonly #reached = deferred();
  readonly #left = deferred();
  #isUsed = false;
  /** The session or the subject of the call that waits in the gap, if the gap is in the store. */
  name: string | undefined;

  /** Resolves once an operation has reached the gap. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  /** The first caller waits until the test releases it; later callers pass. */
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

type Call =
  | "create"
  | "resume"
  | "rotate"
  | "write"
  | "takeOver"
  | "takeOverSubject"
  | "append"
  | "commit"
  | "bySubject"
  | "touch"
  | "destroy"
  | "destroySubject"
  | "load";

/**
 * Wraps a store with a gap before or after a call. Before: the store has not received the call yet. After:
 * the call has taken effect, and its reply has not arrived.
 */
export function withGap(store: SessionStore, call: Call, when: "before" | "after", gap: Gap): SessionStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      if (name !== call) return member.bind(target);
      return async (...args: unknown[]): Promise<unknown> => {
        gap.name ??= nameIn(args[0]);
        if (when === "before") await gap.wait();
        const answer: unknown = await Reflect.apply(member, target, args);
        if (when === "after") await gap.wait();
        return answer;
      };
    },
  });
}

/** Of a request, or an argument that is the name itself. */
function nameIn(argument: unknown): string | undefined {
  if (typeof argument === "string") return argument;
  const id: unknown = Object(argument).id;
  return typeof id === "string" ? id : undefined;
}

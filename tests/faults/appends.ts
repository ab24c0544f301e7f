import { SessionError } from "@wsession/core";
import { appended, BEGINNING, readFrom, textsOf } from "../../packages/store-redis/test/fake-reader.ts";
import type { Process } from "../../packages/store-redis/test/processes.ts";

/** An append that succeeded, or whose outcome is unknown. */
interface Attempt {
  readonly text: string;
  /** Finds out whether the append was applied. */
  readonly ask: () => Promise<"applied" | "not-applied" | "unknown">;
}

/** Appends to one outbox, and records each append that is, or may be, in the outbox. */
export class Appends {
  readonly #process: Process;
  readonly #id: string;
  readonly #attempts: Attempt[] = [];

  constructor(process: Process, id: string) {
    this.#process = process;
    this.#id = id;
  }

  async append(text: string, { store } = this.#process): Promise<void> {
    try {
      await appended({ store }, this.#id, [text]);
      this.#attempts.push({ text, ask: () => Promise.resolve("applied") });
    } catch (error) {
      if (!(error instanceof SessionError) || error.code !== "STORE_UNAVAILABLE") throw error;
      // One of two keys has moved: Redis answers TRYAGAIN, and runs nothing.
      if (error.outcome === "not-applied") return;
      // The last try was in progress at the deadline of the call. The query of its outcome may be too late as well.
      this.#attempts.push({ text, ask: () => store.outcome(error).catch(() => "unknown") });
    }
  }

  /**
   * The texts in the outbox, and those that must be there: each append that succeeded once, in order, and one with an unknown outcome
   * once or not at all.
   */
  async result(): Promise<{ readonly texts: readonly unknown[]; readonly expected: readonly string[] }> {
    const asked = this.#attempts.map(async ({ text, ask }) => ({ text, outcome: await ask() }));
    const outcomes = await Promise.all(asked);
    const texts = textsOf(await readFrom(this.#process, this.#id, BEGINNING));
    const expected = outcomes.filter(
      ({ text, outcome }) => outcome === "applied" || (outcome === "unknown" && texts.includes(text)),
    );
    return { texts, expected: expected.map(({ text }) => text) };
  }
}

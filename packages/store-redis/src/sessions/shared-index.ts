import type { Calls } from "../connection/calls.ts";
import { asArray, texts } from "../commands/reply.ts";
import { raiseSharedEpoch } from "../commands/subject-index.ts";
import { type Keys, idOfSharedEntry, sharedEntry, sharedRange } from "../base/keys.ts";

/**
 * The subject index of releases before 0.2: 4,096 sorted sets that all subjects share. It is read but never
 * added to, so that sessions which are listed only there are found until their next touch or resume lists
 * them in their subject's own index.
 */
export class SharedIndex {
  readonly #calls: Pick<Calls, "command" | "script">;
  readonly #keys: Keys;

  constructor(calls: Pick<Calls, "command" | "script">, keys: Keys) {
    this.#calls = calls;
    this.#keys = keys;
  }

  /**
   * Raises the shared epoch to at least `epoch`, so that logins in flight in processes of older releases are
   * refused.
   */
  async raise(hash: string, epoch: number, keepMs: number): Promise<void> {
    await raiseSharedEpoch({ calls: this.#calls, keys: this.#keys }, hash, { least: epoch, keepMs });
  }

  /** The session ids of the subject, in pages of at most `size`. */
  async *pages(hash: string, size: number): AsyncGenerator<readonly string[], void, void> {
    const key = this.#keys.sharedIndex(hash);
    let [least, most] = sharedRange(hash);
    for (;;) {
      const reply = await this.#calls.command("zrangebylex", [key, least, most, "LIMIT", "0", String(size)]);
      const entries = texts(asArray(reply));
      const last = entries.at(-1);
      if (last === undefined) return;
      yield entries.map(idOfSharedEntry);
      if (entries.length < size) return;
      least = `(${last}`;
    }
  }

  /** Removes destroyed sessions. */
  async remove(hash: string, ids: readonly string[]): Promise<void> {
    await this.#calls.command("zrem", [
      this.#keys.sharedIndex(hash),
      ...ids.map((id) => sharedEntry(hash, id)),
    ]);
  }
}

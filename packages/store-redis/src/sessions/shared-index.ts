import type { Calls } from "../connection/calls.ts";
import { asArray, texts } from "../commands/reply.ts";
import { raiseSharedEpoch } from "../commands/subject-index.ts";
import { type Keys, idOfSharedEntry, sharedEntry, sharedRange } from "../base/keys.ts";

/**
 * The shared indexes of subjects: 4,096 sorted sets, each for all subjects whose hashes have the same first two characters. Release 0.1
 * lists sessions there, and may run beside this release during a deployment. This release reads the shared indexes, and adds no
 * session: the next touch or resume of a session lists it in its subject's own index.
 */
export class SharedIndex {
  readonly #calls: Pick<Calls, "command" | "script">;
  readonly #keys: Keys;

  constructor(calls: Pick<Calls, "command" | "script">, keys: Keys) {
    this.#calls = calls;
    this.#keys = keys;
  }

  /** Raises the shared epoch to at least `epoch`, so that logins in flight fail in the processes that write the shared indexes. */
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

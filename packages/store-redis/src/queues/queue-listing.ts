import { slotOf, SLOTS } from "../base/slots.ts";
import { TurnBatch } from "../base/turn-batch.ts";
import type { Calls } from "../connection/calls.ts";

/** Entries that one command lists. */
export const AT_ONCE = 500;

export interface Listed {
  readonly id: string;
  /** When to look at the session, by the server's clock. An earlier time that Redis has stays. */
  readonly at: number;
  readonly deadline: number | undefined;
}

/** Lists sessions in queues. The entries that one turn of the event loop adds to a queue share a command. */
export class QueueListing {
  readonly #calls: Calls;
  readonly #written: (key: string) => void;
  /** By the key of a queue. */
  readonly #batches = new Map<string, TurnBatch<Listed>>();

  /** `written` is called after each command, with the key of its queue. */
  constructor(calls: Calls, written: (key: string) => void = () => undefined) {
    this.#calls = calls;
    this.#written = written;
  }

  /** Rejects if Redis has not listed the session. */
  add(key: string, entry: Listed): Promise<void> {
    let batch = this.#batches.get(key);
    if (batch === undefined) {
      batch = new TurnBatch(AT_ONCE, (listed) => this.#write(key, listed));
      this.#batches.set(key, batch);
    }
    return batch.add(entry);
  }

  async #write(key: string, listed: readonly Listed[]): Promise<void> {
    // The calls of one turn have about the same deadline. The first one is the earliest.
    const deadline = listed.find((entry) => entry.deadline !== undefined)?.deadline;
    const entries = listed.flatMap(({ at, id }) => [String(at), id]);
    await this.#calls.command("zadd", [key, "LT", ...entries], deadline);
    this.#written(key);
  }
}

/** The name of the session's queue. On a Cluster each of several queues has the sessions of an equal part of the slots. */
export function queueNameOf(id: string, names: readonly string[]): string {
  return names[Math.floor((slotOf(id) * names.length) / SLOTS)] ?? "";
}

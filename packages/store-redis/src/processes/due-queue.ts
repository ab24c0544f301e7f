import { slotOf, SLOTS } from "../base/slots.ts";
import type { Services } from "./services.ts";

/** Entries that one command lists. */
const AT_ONCE = 500;
/** The score of an entry without a time: its session is looked at when the process dies. */
const NEVER = 1e14;

/**
 * The sessions that this process has to look at, by the time of the look: while it holds them, until they have left, and until they
 * expire. Every session whose presence is recorded is in the queue of some process: it is listed before the process registers as
 * its holder. An entry too many costs a look. Another process takes over the queue of a dead one.
 */
export class DueQueue {
  readonly #services: Pick<Services, "calls" | "keys" | "node" | "connection">;
  /** Entries whose time could not be written. */
  readonly #unwritten = new Map<string, number>();
  #joining: Promise<unknown> | undefined;

  constructor(services: Pick<Services, "calls" | "keys" | "node" | "connection">) {
    this.#services = services;
  }

  get names(): readonly string[] {
    const { keys, node, connection } = this.#services;
    return keys.queueNames(node, connection.isCluster);
  }

  /** Other processes look for the queues that are listed here. */
  join(): Promise<unknown> {
    const { calls, keys } = this.#services;
    this.#joining ??= calls.command("sadd", [keys.queues, ...this.names]).catch((error: unknown) => {
      this.#joining = undefined;
      throw error;
    });
    return this.#joining;
  }

  get hasJoined(): boolean {
    return this.#joining !== undefined;
  }

  /** Another process may have taken over the queues, so they have to be listed again. */
  joinAgain(): void {
    this.#joining = undefined;
  }

  /** Lists a session, to be looked at in `ms` at the latest. An earlier time stays. Rejects if Redis has not listed it. */
  async list(id: string, ms: number, deadline?: number): Promise<void> {
    await this.join();
    await this.#services.calls.command("zadd", [this.#keyOf(id), "LT", this.#score(ms), id], deadline);
  }

  /** As `list`, for several sessions. */
  async listAll(ids: readonly string[], ms: number): Promise<void> {
    await this.join();
    const byKey = new Map<string, string[]>();
    for (const id of ids) {
      const key = this.#keyOf(id);
      const there = byKey.get(key);
      if (there === undefined) byKey.set(key, [id]);
      else there.push(id);
    }
    const score = this.#score(ms);
    const lists: Promise<unknown>[] = [];
    for (const [key, there] of byKey) {
      for (let first = 0; first < there.length; first += AT_ONCE) {
        const entries = there.slice(first, first + AT_ONCE).flatMap((id) => [score, id]);
        lists.push(this.#services.calls.command("zadd", [key, "LT", ...entries]));
      }
    }
    await Promise.all(lists);
  }

  /** As `list`, in the background. */
  listSoon(id: string, ms: number): void {
    this.list(id, ms).catch(() => this.#unwritten.set(id, performance.now() + ms));
  }

  /** Sets the time of the next look, by the server's clock. Never rejects. */
  async schedule(id: string, at: number): Promise<void> {
    const args = [this.#keyOf(id), String(at > 0 ? Math.ceil(at) : NEVER), id];
    await this.#services.calls.command("zadd", args).catch(() => this.#unwritten.set(id, 0));
  }

  async remove(id: string): Promise<void> {
    await this.#services.calls.command("zrem", [this.#keyOf(id), id]).catch(() => undefined);
  }

  /** At most `most` sessions whose time has come. */
  async due(most: number): Promise<readonly string[]> {
    const { calls, keys } = this.#services;
    this.#writeAgain();
    const now = calls.serverNow();
    if (now === undefined) return [];
    const pages = await Promise.allSettled(
      this.names.map(async (queue) => {
        const args = [keys.queue(queue), "-inf", String(now), "LIMIT", "0", String(most)];
        return texts(await calls.command("zrangebyscore", args));
      }),
    );
    return pages.flatMap((page) => (page.status === "fulfilled" ? page.value : [])).slice(0, most);
  }

  #writeAgain(): void {
    for (const [id, at] of this.#unwritten) {
      this.#unwritten.delete(id);
      this.listSoon(id, Math.max(0, at - performance.now()));
    }
  }

  #keyOf(id: string): string {
    const { names } = this;
    const quarter = Math.floor((slotOf(id) * names.length) / SLOTS);
    return this.#services.keys.queue(names[quarter] ?? "");
  }

  #score(ms: number): string {
    const now = this.#services.calls.serverNow() ?? 0;
    return String(Math.min(NEVER, Math.ceil(now + ms)));
  }
}

export function texts(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.filter((one) => typeof one === "string") : [];
}

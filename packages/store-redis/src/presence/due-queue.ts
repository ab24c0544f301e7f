import { asArray, texts } from "../commands/reply.ts";
import { QueueListing, queueNameOf } from "../queues/queue-listing.ts";
import type { Services } from "../holders/services.ts";

/** How often the queue is read. */
export const POLL_MS = 250;
/** The score of an entry without a time: its session is looked at when the process dies. */
const NEVER = 1e14;

/**
 * The sessions that this process has to look at, by the time of the look: while it holds them, until they have left, and until
 * they expire. Every session whose presence is recorded is in the queue of some process: it is listed before the process
 * registers as its holder. A superfluous entry costs only one look. Another process takes over the queue of a dead one.
 */
export class DueQueue {
  readonly #services: Pick<Services, "calls" | "keys" | "node" | "connection">;
  /** Entries whose time is not written yet: when they are due, by this process's clock. */
  readonly #unwritten = new Map<string, number>();
  /**
   * The entries that Redis certainly has, with their times; Redis may have an earlier time. A session that comes back to this process
   * is often in the queue already. Then neither a command nor a wait for its reply is needed.
   */
  readonly #listed = new Map<string, number>();
  /** Counts commands that may remove entries or make them later. */
  #rewrites = 0;
  readonly #listing: QueueListing;
  #joining: Promise<unknown> | undefined;

  constructor(services: Pick<Services, "calls" | "keys" | "node" | "connection">) {
    this.#services = services;
    this.#listing = new QueueListing(services.calls);
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

  /**
   * Lists the queues again, in the background: another process may have found them empty while this process had no lease, and may remove
   * them late. Nobody would take over the queues if this process died then.
   */
  stay(): void {
    const { calls, keys } = this.#services;
    calls.command("sadd", [keys.queues, ...this.names]).catch(() => undefined);
  }

  /** Another process may have taken over the queues, so they have to be listed again. */
  joinAgain(): void {
    this.#joining = undefined;
    this.forget();
  }

  /** Redis may have lost entries. */
  forget(): void {
    this.#rewrites += 1;
    this.#listed.clear();
  }

  /** Lists a session, to be looked at in `ms` at the latest. An earlier time stays. Rejects if Redis has not listed it. */
  async list(id: string, ms: number, deadline?: number): Promise<void> {
    const at = this.#timeIn(ms);
    if ((this.#listed.get(id) ?? Number.POSITIVE_INFINITY) <= at) return;
    await this.join();
    const before = this.#rewrites;
    await this.#listing.add(this.#keyOf(id), { id, at, deadline });
    // If entries were rewritten meanwhile, this entry may be gone, or may have a later time.
    if (this.#rewrites === before) this.#listed.set(id, Math.min(at, this.#listed.get(id) ?? at));
  }

  /** As `list`, for several sessions. */
  async listAll(ids: readonly string[], ms: number): Promise<void> {
    await Promise.all(ids.map((id) => this.list(id, ms)));
  }

  /**
   * Lists sessions with this time, also if they are listed with an earlier one. Another process that takes the queue over keeps entries
   * that have changed.
   */
  async relist(ids: readonly string[], ms: number): Promise<void> {
    await this.join();
    await Promise.all(ids.map((id) => this.schedule(id, this.#timeIn(ms))));
  }

  /**
   * As `list`, in the background. Entries that are due after the next poll are written at that poll, in one command. If this
   * process dies before that, the session is in its queue nevertheless, so another process looks at it.
   */
  listSoon(id: string, ms: number): void {
    const at = performance.now() + ms;
    if (ms >= POLL_MS) this.#unwritten.set(id, Math.min(at, this.#unwritten.get(id) ?? at));
    else this.list(id, ms).catch(() => this.#unwritten.set(id, at));
  }

  /** Writes the entries that `listSoon` has collected, and those whose command failed. */
  write(): void {
    for (const [id, at] of this.#unwritten) {
      this.#unwritten.delete(id);
      this.list(id, Math.max(0, at - performance.now())).catch(() => this.#unwritten.set(id, at));
    }
  }

  /** Sets the time of the next look, by the server's clock. Never rejects. */
  async schedule(id: string, at: number): Promise<void> {
    const time = at > 0 ? Math.ceil(at) : NEVER;
    this.#rewrites += 1;
    this.#listed.set(id, time);
    const args = [this.#keyOf(id), String(time), id];
    await this.#services.calls.command("zadd", args).catch(() => {
      this.#listed.delete(id);
      this.#unwritten.set(id, 0);
    });
  }

  async remove(id: string): Promise<void> {
    this.#rewrites += 1;
    this.#listed.delete(id);
    await this.#services.calls.command("zrem", [this.#keyOf(id), id]).catch(() => undefined);
  }

  /** At most `most` sessions whose time has come. */
  async due(most: number): Promise<readonly string[]> {
    const { calls, keys } = this.#services;
    const now = calls.serverNow();
    if (now === undefined) return [];
    const pages = await Promise.allSettled(
      this.names.map(async (queue) => {
        const args = [keys.queue(queue), "-inf", String(now), "LIMIT", "0", String(most)];
        return texts(asArray(await calls.command("zrangebyscore", args)));
      }),
    );
    return pages.flatMap((page) => (page.status === "fulfilled" ? page.value : [])).slice(0, most);
  }

  #keyOf(id: string): string {
    return this.#services.keys.queue(queueNameOf(id, this.names));
  }

  #timeIn(ms: number): number {
    const now = this.#services.calls.serverNow() ?? 0;
    return Math.min(NEVER, Math.ceil(now + ms));
  }
}

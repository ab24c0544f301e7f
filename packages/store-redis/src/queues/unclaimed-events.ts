import type { SessionEventType } from "@wsession/core";
import type { Calls } from "../connection/calls.ts";
import type { Connection } from "../connection/connection.ts";
import type { Keys } from "../base/keys.ts";
import { asArray, texts } from "../commands/reply.ts";
import { endClaim, renewClaim } from "./queue-claim.ts";
import { AT_ONCE, QueueListing, queueNameOf } from "./queue-listing.ts";

/** Entries that are moved at once. */
const PAGE = 64;
/** Pages that one call of `take` moves: the process has to look at its own sessions too. */
const PAGES = 8;
/** How long an entry waits, as long as Redis keeps the event: KEPT_MS in prelude.lua. */
const KEPT_MS = 86_400_000;
const RETRY_MS = 1_000;

interface Parts {
  readonly calls: Calls;
  readonly connection: Connection;
  readonly keys: Keys;
  readonly node: string;
  readonly leaseMs: number;
}

/**
 * The sessions with an event that a process without a function for the event has caused or found. There is one queue for each type of
 * event. The processes with a function for the type read that queue. One of them at a time moves the entries to its own queue, and looks at
 * the sessions.
 */
export class UnclaimedEvents {
  readonly #parts: Parts;
  readonly #listing: QueueListing;
  /** Entries whose command failed. */
  readonly #failed = new Map<string, SessionEventType>();
  readonly #writing = new Set<Promise<unknown>>();
  #retry: NodeJS.Timeout | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#listing = new QueueListing(parts.calls, (key) => {
      this.#prune(key).catch(() => undefined);
    });
  }

  /** Lists a session, to be looked at in `ms` at the latest. Rejects if Redis has not listed the session. */
  async list(id: string, type: SessionEventType, ms: number, deadline?: number): Promise<void> {
    const now = this.#parts.calls.serverNow() ?? 0;
    await this.#listing.add(this.#keyOf(id, type), { id, at: Math.ceil(now + ms), deadline });
  }

  /** As `list`, in the background, to be looked at now. Repeats a command that fails. */
  listNow(id: string, type: SessionEventType): void {
    const writing = this.list(id, type, 0).catch(() => {
      this.#failed.set(id, type);
      this.#retry ??= setTimeout(() => this.#listFailed(), RETRY_MS).unref();
    });
    this.#writing.add(writing);
    void writing.finally(() => this.#writing.delete(writing));
  }

  /** Waits for the commands of `listNow`. Never rejects. */
  async close(): Promise<void> {
    clearTimeout(this.#retry);
    await Promise.allSettled(this.#writing);
    clearTimeout(this.#retry);
  }

  /** Moves the sessions that are due, with events of these types, by `move`. Never rejects: the next call repeats what failed. */
  async take(
    types: Iterable<SessionEventType>,
    move: (ids: readonly string[]) => Promise<unknown>,
  ): Promise<void> {
    const { keys, connection } = this.#parts;
    const queues = [...types].flatMap((type) => keys.queueNames(type, connection.isCluster));
    await Promise.allSettled(queues.map((queue) => this.#takeFrom(queue, move)));
  }

  #listFailed(): void {
    this.#retry = undefined;
    for (const [id, type] of this.#failed) {
      this.#failed.delete(id);
      this.listNow(id, type);
    }
  }

  async #takeFrom(queue: string, move: (ids: readonly string[]) => Promise<unknown>): Promise<void> {
    const { calls, keys } = this.#parts;
    const [key, claim] = [keys.queue(queue), keys.queueClaim(queue)];
    let isClaimed = false;
    for (let page = 0; page < PAGES; page += 1) {
      const ids = await this.#due(key, 0, PAGE);
      if (ids.length === 0) break;
      isClaimed = await renewClaim(this.#parts, claim);
      if (!isClaimed) return;
      // First list the sessions in the other queue, because otherwise they are lost if this process dies.
      await move(ids);
      await calls.command("zrem", [key, ...ids]);
    }
    if (isClaimed) await endClaim(this.#parts, claim);
  }

  /** Sessions whose time was `ago` milliseconds ago, or earlier. */
  async #due(key: string, ago: number, most: number): Promise<readonly string[]> {
    const { calls } = this.#parts;
    const now = calls.serverNow();
    if (now === undefined) return [];
    const args = [key, "-inf", String(now - ago), "LIMIT", "0", String(most)];
    return texts(asArray(await calls.command("zrangebyscore", args)));
  }

  /** If no process has a function for the event any more, no process takes the entries, and the queue would grow for ever. */
  async #prune(key: string): Promise<void> {
    const { calls } = this.#parts;
    const [old] = await Promise.all([
      this.#due(key, KEPT_MS, AT_ONCE),
      calls.command("pexpire", [key, String(KEPT_MS)]),
    ]);
    if (old.length > 0) await calls.command("zrem", [key, ...old]);
  }

  #keyOf(id: string, type: SessionEventType): string {
    const { keys, connection } = this.#parts;
    return keys.queue(queueNameOf(id, keys.queueNames(type, connection.isCluster)));
  }
}

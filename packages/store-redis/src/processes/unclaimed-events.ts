import type { SessionEventType } from "@wsession/core";
import type { Calls } from "../connection/calls.ts";
import type { Connection } from "../connection/connection.ts";
import type { Keys } from "../base/keys.ts";
import { slotOf, SLOTS } from "../base/slots.ts";
import { TurnBatch } from "../base/turn-batch.ts";
import { asArray, texts } from "../commands/reply.ts";

/** Entries that one command lists. */
const AT_ONCE = 500;
/** Entries that are moved at once. */
const PAGE = 64;
/** How long an entry waits, as long as Redis keeps the event: KEPT_MS in prelude.lua. */
const KEPT_MS = 86_400_000;
const RETRY_MS = 1_000;

interface Listed {
  readonly id: string;
  /** By the server's clock. */
  readonly at: number;
  readonly deadline: number | undefined;
}

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
  readonly #batches = new Map<string, TurnBatch<Listed>>();
  /** Entries whose command failed. */
  readonly #failed = new Map<string, SessionEventType>();
  readonly #writing = new Set<Promise<unknown>>();
  #retry: NodeJS.Timeout | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Lists a session, to be looked at in `ms` at the latest. Rejects if Redis has not listed the session. */
  async list(id: string, type: SessionEventType, ms: number, deadline?: number): Promise<void> {
    const now = this.#parts.calls.serverNow() ?? 0;
    await this.#batchOf(this.#keyOf(id, type)).add({ id, at: Math.ceil(now + ms), deadline });
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
    const { calls, keys, node, leaseMs } = this.#parts;
    const [key, claim] = [keys.queue(queue), keys.queueClaim(queue)];
    let isClaimed = false;
    for (;;) {
      const ids = await this.#due(key, 0, PAGE);
      if (ids.length === 0) break;
      const claimed = await calls.command("set", [claim, node, "NX", "PX", String(leaseMs)]);
      // A repeat after a lost reply finds its own claim.
      if (claimed !== "OK" && (await calls.command("get", [claim])) !== node) return;
      isClaimed = true;
      // First list the sessions in the other queue, because otherwise they are lost if this process dies.
      await move(ids);
      await calls.command("zrem", [key, ...ids]);
    }
    if (isClaimed) await calls.command("del", [claim]);
  }

  /** Sessions whose time was `ago` milliseconds ago, or earlier. */
  async #due(key: string, ago: number, most: number): Promise<readonly string[]> {
    const { calls } = this.#parts;
    const now = calls.serverNow();
    if (now === undefined) return [];
    const args = [key, "-inf", String(now - ago), "LIMIT", "0", String(most)];
    return texts(asArray(await calls.command("zrangebyscore", args)));
  }

  #batchOf(key: string): TurnBatch<Listed> {
    let batch = this.#batches.get(key);
    if (batch === undefined) {
      batch = new TurnBatch(AT_ONCE, async (listed) => {
        const { calls } = this.#parts;
        // The calls of one turn have about the same deadline. The first one is the earliest.
        const deadline = listed.find((entry) => entry.deadline !== undefined)?.deadline;
        const entries = listed.flatMap(({ at, id }) => [String(at), id]);
        await calls.command("zadd", [key, "LT", ...entries], deadline);
        this.#prune(key).catch(() => undefined);
      });
      this.#batches.set(key, batch);
    }
    return batch;
  }

  /** If no process has a function for the event any more, nobody takes the entries, and the queue would grow for ever. */
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
    const names = keys.queueNames(type, connection.isCluster);
    const quarter = Math.floor((slotOf(id) * names.length) / SLOTS);
    return keys.queue(names[quarter] ?? "");
  }
}

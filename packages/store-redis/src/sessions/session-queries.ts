import { isSessionError } from "@wsession/core";
import type { StorePresence } from "@wsession/core";
import type { Redis } from "ioredis";
import { isCluster } from "../base/client.ts";
import { asStoreFailure, unavailable } from "../base/failures.ts";
import { UnreachableServers, coverAllSlots } from "./unreachable-servers.ts";
import { Orphans } from "../processes/orphans.ts";
import { type HolderEntry, parseHolders, parseMetadata } from "../base/record.ts";
import type { Services } from "../processes/services.ts";
import type { Subjects } from "./subjects.ts";

const AT_ONCE = 128;
const SCAN_COUNT = "512";

interface LiveSession {
  readonly subject: string | undefined;
  readonly holders: readonly HolderEntry[];
}

/** Lists sessions and their holders. Changes nothing, except that entries of dead processes are removed. */
export class SessionQueries {
  readonly #services: Services;
  readonly #subjects: Subjects;
  readonly #orphans: Orphans;
  readonly #onError: (error: unknown) => void;

  constructor(services: Services, subjects: Subjects, onError: (error: unknown) => void) {
    this.#services = services;
    this.#subjects = subjects;
    this.#orphans = new Orphans(services);
    this.#onError = onError;
  }

  async *ids(): AsyncGenerator<string, void, void> {
    const { connection, calls } = this.#services;
    // Once ready, the client knows the nodes of its Cluster.
    await calls.ready(calls.deadline());
    const { client } = connection;
    const servers = isCluster(client) ? client.nodes("master") : [client];
    const seen = new Set<string>();
    const unreachable = new UnreachableServers(this.#services);
    if (isCluster(client) && !coverAllSlots(client, servers))
      unreachable.add(unavailable("a shard of the Cluster can't be reached", "not-applied"));
    for (const server of servers) {
      try {
        yield* this.#idsOf(server, seen, unreachable);
      } catch (error) {
        if (!isSessionError(error, "STORE_UNAVAILABLE")) throw error;
        unreachable.add(error);
      }
    }
    // The error is thrown last, so that the caller gets the sessions of the other shards first.
    if (unreachable.failure !== undefined) throw unreachable.failure;
  }

  async *#idsOf(
    server: Redis,
    seen: Set<string>,
    unreachable: UnreachableServers,
  ): AsyncGenerator<string, void, void> {
    let cursor = "0";
    do {
      const [next, found] = await this.#scan(server, cursor);
      const fresh = found.filter((id) => !seen.has(id));
      for (const id of fresh) seen.add(id);
      yield* await this.#liveOf(fresh, () => true, unreachable);
      cursor = next;
    } while (cursor !== "0");
  }

  /**
   * The subject's live sessions. If a shard does not answer, its sessions are left out and the failure is
   * reported; rejects if no session was found at all.
   */
  async bySubject(subject: string): Promise<string[]> {
    const found = new Set<string>();
    const unreachable = new UnreachableServers(this.#services);
    for await (const page of this.#subjects.pages(subject, (error) => unreachable.add(error))) {
      const there = new Set<string>();
      const live = await this.#liveOf(
        page.map(({ id }) => id),
        (session, id) => there.add(id) && session.subject === subject,
        unreachable,
      );
      for (const id of live) found.add(id);
      const missing = page.filter(({ id }) => !there.has(id) && !unreachable.has(id));
      this.#subjects.missing(subject, missing).catch(() => undefined);
    }
    if (unreachable.failure === undefined) return [...found];
    if (found.size === 0) throw unreachable.failure;
    this.#onError(unreachable.failure);
    return [...found];
  }

  /**
   * Returns the ids of the live sessions that `match`. Unreadable sessions are skipped, with one report per
   * batch. Sessions whose server does not answer are skipped and added to `unreachable`.
   */
  async #liveOf(
    ids: readonly string[],
    match: (session: LiveSession, id: string) => boolean,
    unreachable: UnreachableServers,
  ): Promise<string[]> {
    const live: string[] = [];
    for (let first = 0; first < ids.length; first += AT_ONCE) {
      const batch = ids.slice(first, first + AT_ONCE);
      let unreadable: unknown;
      const read = (id: string): Promise<LiveSession | undefined> =>
        this.#read(id).catch((error: unknown) => {
          if (isSessionError(error, "CORRUPT_RECORD")) unreadable = error;
          else if (isSessionError(error, "STORE_UNAVAILABLE")) unreachable.add(error, id);
          else throw error;
          return undefined;
        });
      const asked = batch.filter((id) => !unreachable.has(id));
      const sessions = await Promise.all(asked.map(read));
      if (unreadable !== undefined) this.#onError(unreadable);
      asked.forEach((id, index) => {
        const session = sessions[index];
        if (session !== undefined && match(session, id)) live.push(id);
      });
    }
    return live;
  }

  /**
   * Lists a session's holders. `here` is this process's own count, because Redis gets changes of the count
   * later.
   */
  async presence(id: string, here: number): Promise<StorePresence> {
    const { node: own } = this.#services;
    const session = await this.#read(id);
    if (session === undefined) return { nodes: [], missing: [] };
    const others = session.holders.filter(({ node }) => node !== own);
    const orphans = await this.#orphans.sweep(id, others);
    const nodes = others
      .filter((holder) => !orphans.includes(holder))
      .map(({ node, connections }) => ({ node, connections }));
    if (here > 0) nodes.push({ node: own, connections: here });
    return { nodes, missing: orphans.map(({ node }) => node) };
  }

  async #read(id: string): Promise<LiveSession | undefined> {
    const { calls, keys } = this.#services;
    const reply = await calls.command("hmget", [keys.session(id), "m", "s", "h"]);
    const [metadata, subject, holders]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    if (typeof metadata !== "string") return undefined;
    const { idleAt, absoluteAt } = parseMetadata(metadata);
    if (Math.min(idleAt, absoluteAt) <= (calls.serverNow() ?? 0)) return undefined;
    return { subject: typeof subject === "string" ? subject : undefined, holders: parseHolders(holders) };
  }

  /**
   * One SCAN step on one server. It must go to that server, so it bypasses `Calls`, with the same time limit.
   */
  #scan(server: Redis, cursor: string): Promise<readonly [string, string[]]> {
    const { keys, settings } = this.#services;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(unavailable("Redis did not answer in time", "not-applied")),
        settings.timeoutMs,
      );
      server.scan(cursor, "MATCH", keys.sessions, "COUNT", SCAN_COUNT).then(
        ([next, found]) => {
          clearTimeout(timer);
          resolve([next, found.flatMap((key) => keys.idOf(key) ?? [])]);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(asStoreFailure(error));
        },
      );
    });
  }
}

import { isSessionError } from "@wsession/core";
import type { StorePresence, SubjectPresence } from "@wsession/core";
import { type SessionPresenceState, together } from "@wsession/core/runtime";
import { unavailable } from "../base/failures.ts";
import { scanStep } from "../commands/scan.ts";
import { UnreachableServers, coverAllSlots } from "./unreachable-servers.ts";
import { type LeaseAnswers, Orphans } from "../holders/orphans.ts";
import { shownNode } from "../base/node-names.ts";
import { optionalText } from "../base/optional-text.ts";
import { parsePresence, type PresenceRecord, stateOf } from "../base/presence-record.ts";
import { type HolderEntry, parseHolders, parseMetadata } from "../base/record.ts";
import type { Server } from "../drivers/driver.ts";
import type { Services } from "../holders/services.ts";
import type { Subjects } from "./subjects.ts";

/** Sessions that are read at the same time. */
const AT_ONCE = 128;

interface LiveSession {
  readonly subject: string | undefined;
  readonly holders: readonly HolderEntry[];
  readonly presence: PresenceRecord | undefined;
}

/** The sessions of a subject. */
export interface SubjectRead {
  readonly presence: SubjectPresence;
  readonly states: readonly SessionPresenceState[];
  /** Whether a process without a lease holds one of the sessions, so that its state may change without a message. */
  readonly isUncertain: boolean;
  /** Why sessions may be missing; `undefined` if every server answered. */
  readonly failure: unknown;
  /** Whether a session that was not found may be live, because its server or a part of the index could not be read. */
  readonly mayExist: (id: string) => boolean;
}

/** The live sessions of a subject, as far as the servers answered. */
interface Found extends Pick<SubjectRead, "failure" | "mayExist"> {
  readonly sessions: ReadonlyMap<string, LiveSession>;
  /** Sessions that are listed, and whose server did not answer. */
  readonly unread: ReadonlySet<string>;
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
    // Once ready, the client has the nodes of its Cluster.
    await calls.ready(calls.deadline());
    const { client } = connection;
    const { servers } = client;
    const seen = new Set<string>();
    const unreachable = new UnreachableServers(this.#services);
    if (client.isCluster && !coverAllSlots(client))
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
    server: Server,
    seen: Set<string>,
    unreachable: UnreachableServers,
  ): AsyncGenerator<string, void, void> {
    const { keys } = this.#services;
    let cursor = "0";
    do {
      const [next, found] = await scanStep(this.#services.calls, server, keys.sessions, cursor);
      const ids = found.flatMap((key) => keys.idOf(key) ?? []);
      const fresh = ids.filter((id) => !seen.has(id));
      for (const id of fresh) seen.add(id);
      yield* await this.#liveOf(fresh, () => true, unreachable);
      cursor = next;
    } while (cursor !== "0");
  }

  /**
   * The subject's live sessions. If a shard does not answer, its sessions are left out, unless `includesUnread`, and the failure is
   * reported. If no session was found then, rejects with the failure.
   */
  async bySubject(subject: string, includesUnread: boolean = false): Promise<string[]> {
    const { sessions, unread, failure } = await this.#ofSubject(subject);
    const ids = [...sessions.keys(), ...(includesUnread ? unread : [])];
    this.#reportFailure(ids.length, failure);
    return ids;
  }

  /** Reports a failure of a listing. Sessions may be missing from the listing. Throws the failure if no session was found. */
  #reportFailure(found: number, failure: unknown): void {
    if (failure === undefined) return;
    if (found === 0) throw failure;
    this.#onError(failure);
  }

  async #ofSubject(subject: string): Promise<Found> {
    const sessions = new Map<string, LiveSession>();
    const unread = new Set<string>();
    let isIndexRead = true;
    const unreachable = new UnreachableServers(this.#services);
    const missed = (error: unknown): void => {
      isIndexRead = false;
      unreachable.add(error);
    };
    for await (const page of this.#subjects.pages(subject, missed)) {
      const existing = new Set<string>();
      await this.#liveOf(
        page.map(({ id }) => id),
        (session, id) => {
          existing.add(id);
          if (session.subject === subject) sessions.set(id, session);
          return session.subject === subject;
        },
        unreachable,
      );
      const absent = page.filter(({ id }) => !existing.has(id));
      for (const { id } of absent) if (unreachable.has(id)) unread.add(id);
      const missing = absent.filter(({ id }) => !unreachable.has(id));
      this.#subjects.missing(subject, missing).catch(() => undefined);
    }
    const { failure } = unreachable;
    return { sessions, unread, failure, mayExist: (id) => !isIndexRead || unread.has(id) };
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

  /** The presence of a subject. Reports and rejects as `bySubject`. `here`: this process's own count of a session's connections. */
  async presenceOfSubject(subject: string, here: (id: string) => number): Promise<SubjectPresence> {
    const read = await this.readSubject(subject, here, new Map());
    this.#reportFailure(read.states.length, read.failure);
    return read.presence;
  }

  /** As `presenceOfSubject`, but returns the failure: neither reports the failure nor rejects with it. `lives` caches lease checks. */
  async readSubject(
    subject: string,
    here: (id: string) => number,
    lives: LeaseAnswers,
  ): Promise<SubjectRead> {
    await this.#services.calls.ready(this.#services.calls.deadline());
    const readAt = this.#services.calls.serverNow() ?? 0;
    const { sessions, failure, mayExist } = await this.#ofSubject(subject);
    const each = [...sessions].map(async ([id, session]) => {
      const holders = await this.#liveHolders(id, session, here(id), lives);
      const { presence: record } = session;
      const type = stateOf(record, holders.length > 0, readAt);
      const connections = holders.reduce((sum, holder) => sum + holder.connections, 0);
      const nodes = holders.map(({ node }) => shownNode(node));
      const awaySince = connections > 0 ? undefined : record?.away || record?.stamp || readAt;
      return {
        isUncertain: type === "away" && record?.away === 0,
        state: { id, type, stamp: record?.stamp ?? readAt },
        session: { id, connections, nodes, since: record?.since ?? 0, awaySince },
      };
    });
    const all = await Promise.all(each);
    const states = all.map(({ state }) => state);
    const type = together(states.map((state) => state.type));
    const presence = { subject, type, sessions: all.map(({ session }) => session) };
    return { presence, states, isUncertain: all.some((one) => one.isUncertain), failure, mayExist };
  }

  /** The holders with a lease, this process by its own count. If a lease can't be checked, its process counts as alive. */
  async #liveHolders(
    id: string,
    session: LiveSession,
    here: number,
    lives: LeaseAnswers,
  ): Promise<readonly Pick<HolderEntry, "node" | "connections">[]> {
    const { node: own } = this.#services;
    const others = session.holders.filter(({ node }) => node !== own);
    const none: readonly HolderEntry[] = [];
    const orphans = await this.#orphans.sweep(id, others, lives).catch(() => none);
    const live = others.filter((holder) => !orphans.includes(holder));
    return here > 0 ? [...live, { node: own, connections: here }] : live;
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
      .map(({ node, connections }) => ({ node: shownNode(node), connections }));
    if (here > 0) nodes.push({ node: shownNode(own), connections: here });
    return { nodes, missing: orphans.map(({ node }) => shownNode(node)) };
  }

  async #read(id: string): Promise<LiveSession | undefined> {
    const { calls, keys } = this.#services;
    const reply = await calls.command("hmget", [keys.session(id), "m", "s", "h", "p"]);
    const [metadata, subject, holders, presence]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    if (typeof metadata !== "string") return undefined;
    const { idleAt, absoluteAt } = parseMetadata(metadata);
    if (Math.min(idleAt, absoluteAt) <= (calls.serverNow() ?? 0)) return undefined;
    return {
      subject: optionalText(subject),
      holders: parseHolders(holders),
      presence: parsePresence(presence),
    };
  }
}

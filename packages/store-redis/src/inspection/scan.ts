import { isSessionError } from "@wsession/core";
import { unavailable } from "../base/failures.ts";
import { hashSubject, isSharedIndex } from "../base/keys.ts";
import { scanStep, stepsFor } from "../commands/scan.ts";
import type { Server } from "../drivers/driver.ts";
import type { Services } from "../holders/services.ts";
import type { Listed, Subjects } from "../sessions/subjects.ts";
import { coverAllSlots, UnreachableServers } from "../sessions/unreachable-servers.ts";
import type { InspectedIndex, InspectedRecord, InspectedSubject, ScanStep } from "./contract.ts";
import { readRecord } from "./records.ts";

/** Records that are read at a time. */
const AT_ONCE = 128;

/** Walks over all records and indexes, and over the index of one subject. Changes nothing. */
export class Scan {
  readonly #services: Services;
  readonly #subjects: Subjects;

  constructor(services: Services, subjects: Subjects) {
    this.#services = services;
    this.#subjects = subjects;
  }

  async *steps(): AsyncGenerator<ScanStep, void, void> {
    const { calls, connection } = this.#services;
    await calls.ready(calls.deadline());
    const { client } = connection;
    const unreachable = new UnreachableServers(this.#services);
    if (client.isCluster && !coverAllSlots(client))
      unreachable.add(unavailable("a shard of the Cluster can't be reached", "not-applied"));
    const { servers } = client;
    const sizes = await Promise.all(servers.map((server) => this.#stepsOf(server)));
    const total = sizes.reduce<number | undefined>(
      (sum, size) => (sum === undefined || size === undefined ? undefined : sum + size),
      0,
    );
    const seen = new Set<string>();
    let done = 0;
    for (const [index, server] of servers.entries()) {
      const before = done;
      try {
        let cursor = "0";
        do {
          const [next, keys] = await scanStep(calls, server, this.#services.keys.sessionsAndIndexes, cursor);
          cursor = next;
          done += 1;
          const progress = total === undefined ? undefined : Math.min(1, done / total);
          yield { ...(await this.#read(keys, seen, unreachable)), progress };
        } while (cursor !== "0");
      } catch (error) {
        if (!isSessionError(error, "STORE_UNAVAILABLE")) throw error;
        unreachable.add(error);
      }
      done = before + (sizes[index] ?? done - before);
    }
    // The error is thrown last, so that the caller gets the sessions of the other shards first.
    if (unreachable.failure !== undefined) throw unreachable.failure;
  }

  async subject(subject: string): Promise<InspectedSubject> {
    const { calls, keys } = this.#services;
    const found = new Map<string, InspectedRecord>();
    const missed: unknown[] = [];
    for await (const page of this.#subjects.pages(subject, (error) => missed.push(error)))
      for (const record of await this.#records(page.map(({ id }) => id))) found.set(idOf(record), record);
    if (missed.length > 0) throw missed[0];
    const records = [...found.values()];
    const sessions = records.flatMap((record) =>
      record.type === "session" && record.session.subject === subject ? [record.session] : [],
    );
    const live = new Set(sessions.map(({ id }) => id));
    const unreadable = records.flatMap((record) => (record.type === "unreadable" ? [record.id] : []));
    const dead = [...found.keys()].filter((id) => !live.has(id) && !unreadable.includes(id));
    const epoch = Number(await calls.command("get", [keys.epoch(hashSubject(subject))]));
    return { subject, sessions, dead, unreadable, destroyedAt: epoch > 0 ? epoch : undefined };
  }

  /** The number of steps of a scan; `undefined` if the user has no right to ask. */
  async #stepsOf(server: Server): Promise<number | undefined> {
    try {
      return stepsFor(Number(await this.#services.calls.commandAt(server, "dbsize", [])));
    } catch {
      return undefined;
    }
  }

  async #read(
    found: readonly string[],
    seen: Set<string>,
    unreachable: UnreachableServers,
  ): Promise<Omit<ScanStep, "progress">> {
    const { keys } = this.#services;
    // A step may return a key that an earlier step has returned.
    const fresh = found.filter((key) => !seen.has(key));
    for (const key of fresh) seen.add(key);
    const ids = fresh.flatMap((key) => keys.idOf(key) ?? []);
    const records = await this.#records(ids, unreachable);
    const indexes: InspectedIndex[] = [];
    for (const hash of fresh.flatMap((key) => keys.hashOf(key) ?? [])) {
      // Members of a shared index are not ids.
      if (!isSharedIndex(hash)) indexes.push(await this.#index(hash, unreachable));
    }
    // Omit a session that ended after its key was found.
    return { records: records.filter(({ type }) => type !== "missing"), indexes };
  }

  async #index(hash: string, unreachable: UnreachableServers): Promise<InspectedIndex> {
    const entries = new Set<string>();
    const alive = new Set<string>();
    try {
      for await (const page of this.#subjects.indexPages(hash))
        for (const record of await this.#records(idsOf(page, entries), unreachable))
          if (isEntryAlive(record, hash)) alive.add(idOf(record));
    } catch (error) {
      // A key of another type under the name of an index.
      if (!isSessionError(error, "CORRUPT_RECORD")) throw error;
    }
    const unread = [...entries].filter((id) => unreachable.has(id)).length;
    return { hash, entries: entries.size, dead: entries.size - alive.size - unread };
  }

  /** The records of these ids. Without `unreachable`, rejects if a server does not answer. */
  async #records(ids: readonly string[], unreachable?: UnreachableServers): Promise<InspectedRecord[]> {
    const records: InspectedRecord[] = [];
    const read = async (id: string): Promise<InspectedRecord[]> => {
      try {
        return [await readRecord(this.#services, id)];
      } catch (error) {
        if (unreachable === undefined || !isSessionError(error, "STORE_UNAVAILABLE")) throw error;
        unreachable.add(error, id);
        return [];
      }
    };
    for (let first = 0; first < ids.length; first += AT_ONCE) {
      const batch = ids.slice(first, first + AT_ONCE).filter((id) => unreachable?.has(id) !== true);
      records.push(...(await Promise.all(batch.map(read))).flat());
    }
    return records;
  }
}

function idOf(record: InspectedRecord): string {
  return record.type === "session" ? record.session.id : record.id;
}

/** The ids of a page that no earlier page had. */
function idsOf(page: readonly Listed[], seen: Set<string>): string[] {
  const ids = page.map(({ id }) => id).filter((id) => !seen.has(id));
  for (const id of ids) seen.add(id);
  return ids;
}

/** Whether the index must list the record. An unreadable record exists, and may belong to the subject. */
function isEntryAlive(record: InspectedRecord, hash: string): boolean {
  if (record.type === "unreadable") return true;
  return (
    record.type === "session" &&
    record.session.subject !== undefined &&
    hashSubject(record.session.subject) === hash
  );
}

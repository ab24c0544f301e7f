import type { Calls } from "../connection/calls.ts";
import { asArray, texts } from "../commands/reply.ts";
import {
  addToIndex,
  endInIndex,
  type EndedEntry,
  type Listing,
  type RaisedEpoch,
  raiseEpoch,
} from "../commands/subject-index.ts";
import { type Keys, hashSubject } from "../base/keys.ts";
import { KnownEpochs } from "./known-epochs.ts";
import { SharedIndex } from "./shared-index.ts";

/** How far the clocks of two servers may differ: an entry stays this much longer. */
const MARGIN_MS = 60_000;
/** How long an epoch is kept at least. Epochs outlive every mark that names one by far, and the oldest decision. */
const EPOCH_MS = 24 * 3_600_000;
/** The epoch that an older decision has to be compared with may be forgotten. */
const OLDEST_DECISION_MS = EPOCH_MS / 2;
/** How long an epoch is kept at most, for the sake of sessions that live longer. */
const LONGEST_EPOCH_MS = 400 * EPOCH_MS;
/** How many entries one command reads. */
const PAGE = 512;
/** As in prelude.lua: a session without deadlines has the time at which it was listed plus this. */
const ENDLESS = 1e14;

/** The subject's sessions were destroyed since the login was decided. */
export interface Revoked {
  readonly type: "revoked";
}

/** A session as its subject's index lists it. */
export interface Listed {
  readonly id: string;
  readonly score: number;
}

/**
 * Which sessions a subject has. The index is always a superset of the live ones: a session is listed before it becomes the
 * subject's, and before a deadline of it is moved past the time until which it is listed. An entry is removed after that
 * time, or after a tombstone in the session's place, and the index expires with its last entry.
 *
 * Why `destroySubject` is complete. Logging in (create or identify) is two steps: A lists the session and reads the epoch, in
 * the subject's slot; B makes it the subject's, in the session's slot. Destroying is two as well: C raises the epoch in the
 * subject's slot, and reads the index after that, page by page; D goes to each listed session's slot. A and C are ordered:
 * - C before A: the login began after; it carries the new epoch and is none of C's business.
 * - A before C: the session is on one of C's pages, and D goes there. D and B are ordered in turn:
 *   - B before D: D finds the subject's session and destroys it.
 *   - D before B, no session yet (create): D leaves a tombstone with the new epoch, and B, a create, overwrites nothing.
 *     It stays longer than B's not-after, past which B is refused for being late.
 *   - D before B, another's session (identify): D leaves a note with the new epoch, and B, with the old one, is refused.
 *     The note, too, outlives B's not-after, and holds the highest epoch that any D brought.
 * Pages follow the entries' scores, so none is passed over while others come and go: a score only rises, which moves an entry
 * to a later page, unless the session was destroyed. The call resolves when every D has been acknowledged.
 *
 * Between the application's decision (`decidedAt`) and A is a gap of its own: a newcomer's data may take its time. So A
 * compares the epoch, which is the time of the last destruction by the server's clock, with the earliest time by that clock at
 * which the decision can have been made. In doubt A refuses: `REVOKED`. The doubt ends with the refusal, since the process
 * knows from then on that this epoch is older than whatever it decides later.
 */
export class Subjects {
  readonly #caller: { readonly calls: Calls; readonly keys: Keys };
  readonly #calls: Calls;
  readonly #keys: Keys;
  readonly #shared: SharedIndex;
  readonly #tombstoneMs: number;
  readonly #knownEpochs = new KnownEpochs();

  constructor(calls: Calls, keys: Keys, tombstoneMs: number) {
    this.#caller = { calls, keys };
    this.#calls = calls;
    this.#keys = keys;
    this.#shared = new SharedIndex(calls, keys);
    this.#tombstoneMs = tombstoneMs;
  }

  /** Step A. `until`: the session can't be live later, by the server's clock; Infinity for ever. `decidedAt`: by ours. */
  async login(
    subject: string,
    id: string,
    until: number,
    deadline: number,
    decidedAt: number | undefined,
  ): Promise<Listing | Revoked> {
    const listing = await this.list(subject, id, until, deadline);
    const hash = hashSubject(subject);
    if (decidedAt === undefined || !this.#isOvertaken(hash, listing.epoch, decidedAt)) return listing;
    this.#knownEpochs.record(hash, listing.epoch);
    return { type: "revoked" };
  }

  /** Lists a session that is the subject's, or is about to become so. */
  async list(subject: string, id: string, until: number, deadline: number): Promise<Listing> {
    const hash = hashSubject(subject);
    const seconds = Number.isFinite(until) ? Math.ceil(until / 1_000) : 0;
    const lastAt = seconds === 0 ? 0 : seconds * 1_000 + MARGIN_MS;
    const sentAt = performance.now();
    const { epoch, now } = await addToIndex(this.#caller, hash, { id, lastAt }, deadline);
    this.#calls.observe(now, sentAt);
    return { type: "listed", epoch, until: String(seconds) };
  }

  /** Until when a session is listed, by the server's clock; Infinity for ever, `undefined` where it is not listed. */
  async listedUntil(subject: string, id: string): Promise<number | undefined> {
    const score = await this.#calls.command("zscore", [this.#keys.index(hashSubject(subject)), id]);
    if (score === null) return undefined;
    return Number(score) >= ENDLESS ? Number.POSITIVE_INFINITY : Number(score) - MARGIN_MS;
  }

  /** Step C, but for the pages. `missed`: as there. */
  async raise(subject: string, missed: (error: unknown) => void): Promise<RaisedEpoch> {
    const hash = hashSubject(subject);
    const epoch = await raiseEpoch(this.#caller, hash, { leastMs: EPOCH_MS, mostMs: LONGEST_EPOCH_MS });
    this.#knownEpochs.record(hash, epoch);
    await this.#shared.raise(hash, epoch, EPOCH_MS).catch(missed);
    return { subject, hash, epoch };
  }

  /**
   * What is listed, in pages; a session may be on more than one. `missed`: the index of an older version of the library can't
   * be read; it is in another slot of a Cluster.
   */
  async *pages(
    subject: string,
    missed: (error: unknown) => void,
  ): AsyncGenerator<readonly Listed[], void, void> {
    const hash = hashSubject(subject);
    yield* this.#ownPages(this.#keys.index(hash));
    try {
      for await (const ids of this.#shared.pages(hash, PAGE)) yield ids.map((id) => ({ id, score: 0 }));
    } catch (error) {
      missed(error);
    }
  }

  /** Sessions that were destroyed: they are listed as long as their tombstones stay, since a failover may lose these. */
  async destroyed(subject: string, listed: readonly Pick<Listed, "id">[]): Promise<void> {
    if (listed.length === 0) return;
    const hash = hashSubject(subject);
    await this.#end(
      hash,
      listed.map(({ id }) => ({ id, score: undefined })),
    );
    await this.#shared.remove(
      hash,
      listed.map(({ id }) => id),
    );
  }

  /**
   * Sessions that are listed and not there. Most are past an idle deadline, and their entries end by themselves. One that is
   * listed for ever does not: it ends here, unless it may be about to come.
   */
  async missing(subject: string, listed: readonly Listed[]): Promise<void> {
    const now = this.#calls.serverNow() ?? 0;
    const isOver = ({ score }: Listed): boolean =>
      score >= ENDLESS && score - ENDLESS + this.#tombstoneMs < now;
    // One that can't be read is not missing.
    const exists = async ({ id }: Listed): Promise<boolean> =>
      Number(await this.#calls.command("exists", [this.#keys.session(id)])) === 1;
    const over = listed.filter(isOver);
    const there = await Promise.all(over.map(exists));
    const entries = over.filter((_, index) => there[index] !== true);
    if (entries.length > 0) await this.#end(hashSubject(subject), entries);
  }

  /** Whether the destruction that made `epoch` may have come after what was decided at `decidedAt`. */
  #isOvertaken(hash: string, epoch: number, decidedAt: number): boolean {
    if (performance.now() - decidedAt > OLDEST_DECISION_MS) return true;
    if (epoch === 0 || this.#knownEpochs.isBefore(hash, epoch, decidedAt)) return false;
    const earliest = this.#calls.serverTime(decidedAt);
    return earliest === undefined || epoch >= earliest;
  }

  async *#ownPages(key: string): AsyncGenerator<readonly Listed[], void, void> {
    let after = "-inf";
    for (;;) {
      const page = await this.#read(key, [after, "+inf", "WITHSCORES", "LIMIT", "0", String(PAGE)]);
      const last = page.at(-1);
      if (last === undefined) return;
      if (page.length < PAGE) return yield page;
      // The last score may go on beyond the page: its sessions are read together, those that one millisecond brought.
      const complete = page.filter(({ score }) => score < last.score);
      yield complete;
      yield await this.#read(key, [String(last.score), String(last.score), "WITHSCORES"]);
      after = `(${last.score}`;
    }
  }

  async #read(key: string, range: readonly string[]): Promise<readonly Listed[]> {
    const words = texts(asArray(await this.#calls.command("zrangebyscore", [key, ...range])));
    const page: Listed[] = [];
    for (let index = 0; index + 1 < words.length; index += 2)
      page.push({ id: words[index] ?? "", score: Number(words[index + 1]) });
    return page;
  }

  #end(hash: string, entries: readonly EndedEntry[]): Promise<void> {
    return endInIndex(this.#caller, hash, entries, this.#tombstoneMs);
  }
}

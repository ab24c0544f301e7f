/** The index of each subject's sessions. */
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

/** An entry is kept this much longer than needed, because the clocks of two servers may differ. */
const MARGIN_MS = 60_000;
/**
 * The shortest time for which an epoch is kept. It is far longer than any tombstone that names an epoch, and
 * than the age of a decision.
 */
const EPOCH_MS = 24 * 3_600_000;
/** An older decision is refused, because the epoch to compare it with may have been deleted. */
const OLDEST_DECISION_MS = EPOCH_MS / 2;
/** The longest time for which an epoch is kept, for long-lived sessions. */
const MAX_EPOCH_MS = 400 * EPOCH_MS;
/** Entries that one command reads. */
const PAGE = 512;
/**
 * The same as in prelude.lua: the score of a session without deadlines is the time at which it was listed
 * plus this.
 */
const ENDLESS = 1e14;

/** The login was refused because the subject's sessions were destroyed after it was decided. */
export interface Revoked {
  readonly type: "revoked";
}

/** An entry of a subject's index. */
export interface Listed {
  readonly id: string;
  readonly score: number;
}

/**
 * The index of a subject's sessions. It is always a superset of the live ones: a session is listed before it
 * becomes the subject's, and before one of its deadlines moves past the time until which it is listed. An
 * entry is removed after that time, or once a tombstone has replaced the session. The index expires with its
 * last entry.
 *
 * Why `destroySubject` is complete. A login (create or identify) has two steps: A lists the session and reads
 * the epoch, in the subject's slot; B makes the session the subject's, in the session's slot. A destruction
 * has two steps as well: C raises the epoch in the subject's slot and then reads the index, page by page; D
 * runs in the slot of each listed session. A and C are ordered:
 * - C before A: the login began after the destruction. It carries the new epoch, and D does not destroy its session. If A runs before
 *   C has read the index, D may leave its tombstone before B, and then B is refused.
 * - A before C: the session is on one of C's pages, so D runs for it. D and B are ordered in turn:
 *   - B before D: D finds the subject's session and destroys it.
 *   - D before B, and the session does not exist yet (create): D leaves a tombstone with the new epoch, and B does not
 *     overwrite it. The tombstone outlives B's not-after time, after which B is refused as too late.
 *   - D before B, and the session has another subject or none (identify): D leaves a denial with the new epoch, and B is
 *     refused because it carries the old epoch. The denial also outlives B's not-after time, and keeps the highest epoch
 *     of all D steps.
 *
 * Pages follow the scores, so no entry is skipped while others are added or removed: the score of a live
 * session only rises, which moves its entry to a later page. The call resolves once every D has been
 * acknowledged.
 *
 * Between the application's decision (`decidedAt`) and A there is a gap, because loading a newcomer's data may take time. So A
 * compares the epoch, which is the time of the last destruction by the server's clock, with the earliest server time at which the
 * decision can have been made. In doubt A refuses with `REVOKED`. A refusal ends the doubt: the process records when it first
 * received the epoch, so the epoch is older than each later decision.
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

  /**
   * Step A. `until`: the session cannot be live after this server time; Infinity for ever. `decidedAt`: by
   * this process's monotonic clock.
   */
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

  /** Lists a session that is the subject's or is about to become so. */
  async list(subject: string, id: string, until: number, deadline: number): Promise<Listing> {
    const hash = hashSubject(subject);
    const seconds = Number.isFinite(until) ? Math.ceil(until / 1_000) : 0;
    const lastAt = seconds === 0 ? 0 : seconds * 1_000 + MARGIN_MS;
    const sentAt = performance.now();
    const { epoch, now } = await addToIndex(this.#caller, hash, { id, lastAt }, deadline);
    this.#calls.observe(now, sentAt);
    return { type: "listed", epoch, until: String(seconds) };
  }

  /**
   * Until when a session is listed, by the server's clock: Infinity for ever, `undefined` if it is not
   * listed.
   */
  async listedUntil(subject: string, id: string): Promise<number | undefined> {
    const score = await this.#calls.command("zscore", [this.#keys.index(hashSubject(subject)), id]);
    if (score === null) return undefined;
    return Number(score) >= ENDLESS ? Number.POSITIVE_INFINITY : Number(score) - MARGIN_MS;
  }

  /** Step C without the pages. `missed` is called as described at `pages`. */
  async raise(subject: string, missed: (error: unknown) => void): Promise<RaisedEpoch> {
    const hash = hashSubject(subject);
    const epoch = await raiseEpoch(this.#caller, hash, { leastMs: EPOCH_MS, mostMs: MAX_EPOCH_MS });
    this.#knownEpochs.record(hash, epoch);
    await this.#shared.raise(hash, epoch, EPOCH_MS).catch(missed);
    return { subject, hash, epoch };
  }

  /**
   * The listed sessions, in pages; a session may be on more than one page. `missed` is called if the shared index, which is in
   * another slot of a Cluster, can't be read.
   */
  async *pages(
    subject: string,
    missed: (error: unknown) => void,
  ): AsyncGenerator<readonly Listed[], void, void> {
    const hash = hashSubject(subject);
    yield* this.indexPages(hash);
    try {
      for await (const ids of this.#shared.pages(hash, PAGE)) yield ids.map((id) => ({ id, score: 0 }));
    } catch (error) {
      missed(error);
    }
  }

  /**
   * Shortens the entries of destroyed sessions. They remain as long as the tombstones, because a failover may
   * lose a tombstone.
   */
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
   * Handles listed sessions that do not exist. Most have passed an idle deadline, and their entries expire.
   * An entry without an end is removed here, unless its session may be about to be created.
   */
  async missing(subject: string, listed: readonly Listed[]): Promise<void> {
    const now = this.#calls.serverNow() ?? 0;
    const mayBeRemoved = ({ score }: Listed): boolean =>
      score >= ENDLESS && score - ENDLESS + this.#tombstoneMs < now;
    // An unreadable session exists, so its entry must stay.
    const exists = async ({ id }: Listed): Promise<boolean> =>
      Number(await this.#calls.command("exists", [this.#keys.session(id)])) === 1;
    const removable = listed.filter(mayBeRemoved);
    const found = await Promise.all(removable.map(exists));
    const entries = removable.filter((_, index) => found[index] !== true);
    if (entries.length > 0) await this.#end(hashSubject(subject), entries);
  }

  /** Whether the destruction with this epoch may have happened after the decision at `decidedAt`. */
  #isOvertaken(hash: string, epoch: number, decidedAt: number): boolean {
    if (performance.now() - decidedAt > OLDEST_DECISION_MS) return true;
    if (epoch === 0 || this.#knownEpochs.isBefore(hash, epoch, decidedAt)) return false;
    const earliest = this.#calls.serverTime(decidedAt);
    return earliest === undefined || epoch >= earliest;
  }

  /** The entries of the index of the subject with this hash, in pages. */
  async *indexPages(hash: string): AsyncGenerator<readonly Listed[], void, void> {
    const key = this.#keys.index(hash);
    let after = "-inf";
    for (;;) {
      const page = await this.#read(key, [after, "+inf", "WITHSCORES", "LIMIT", "0", String(PAGE)]);
      const last = page.at(-1);
      if (last === undefined) return;
      if (page.length < PAGE) return yield page;
      // Entries with the last score may continue on the next page, so all entries with that score are read
      // together.
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

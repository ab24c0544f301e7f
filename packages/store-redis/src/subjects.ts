import type { Calls } from "./calls.ts";
import { type Keys, entryRange, hashSubject, idOfEntry, indexEntry } from "./keys.ts";
import { Leftovers } from "./leftovers.ts";

/** How far clocks of two servers may differ, and more than a call may take: an index stays this much longer. */
const MARGIN_MS = 60_000;
/** Epochs outlive every mark that names one by far, and the oldest decision. */
const EPOCH_MS = 24 * 3_600_000;
/** The epoch that an older decision has to be compared with may be forgotten. */
const OLDEST_DECISION_MS = EPOCH_MS / 2;

/** The epoch that was read as the session was listed; or the subject's sessions were destroyed since the decision. */
export type Listing = { readonly type: "listed"; readonly epoch: number } | { readonly type: "revoked" };

/**
 * Which sessions a subject has. The index is always a superset of the live ones: a session is listed before it becomes the
 * subject's, in an index that outlives its last deadline, and taken out only when it can't be live any more.
 *
 * Why `destroySubject` is complete. Logging in (create or identify) is two steps: A lists the session and reads the epoch, in
 * the subject's slot; B makes it the subject's, in the session's slot. Destroying is two as well: C raises the epoch and
 * lists, in one step of the subject's slot; D goes to each listed session's slot. A and C are ordered:
 * - C before A: the login began after; it carries the new epoch and is none of C's business.
 * - A before C: the session is in C's list, and D goes there. D and B are ordered in turn:
 *   - B before D: D finds the subject's session and destroys it.
 *   - D before B, no session yet (create): D leaves a tombstone with the new epoch, and B, a create, overwrites nothing.
 *     It stays longer than B's not-after, past which B is refused for being late.
 *   - D before B, another's session (identify): D leaves a note with the new epoch, and B, with the old one, is refused.
 *     The note, too, outlives B's not-after, and holds the highest epoch that any D brought.
 * The call resolves when every D has been acknowledged.
 *
 * Between the application's decision (`decidedAt`) and A is a gap of its own: a newcomer's data may take its time. So A
 * compares the epoch, which is the time of the last destruction by the server's clock, with the earliest time by that clock at
 * which the decision can have been made. In doubt A refuses: `REVOKED`. The doubt ends with the refusal, since the process
 * knows from then on that this epoch is older than whatever it decides later.
 */
export class Subjects {
  readonly #calls: Calls;
  readonly #keys: Keys;
  readonly #leftovers: Leftovers;
  readonly #knownEpochs = new KnownEpochs();

  constructor(calls: Calls, keys: Keys, tombstoneMs: number) {
    this.#calls = calls;
    this.#keys = keys;
    this.#leftovers = new Leftovers(calls, keys, tombstoneMs);
  }

  /** Step A. `absoluteAt`: the session's last deadline by the server's clock, Infinity for none. */
  async list(
    subject: string,
    id: string,
    absoluteAt: number,
    deadline: number,
    decidedAt: number | undefined,
  ): Promise<Listing> {
    const hash = hashSubject(subject);
    const until = absoluteAt === Number.POSITIVE_INFINITY ? "0" : String(Math.ceil(absoluteAt) + MARGIN_MS);
    const index = this.#keys.index(hash);
    const own = indexEntry(hash, id);
    const args = [own, until, String(this.#leftovers.share)];
    const sentAt = performance.now();
    const reply = await this.#calls.script("index-add", [index, this.#keys.epoch(hash)], args, deadline);
    const [text, now, ...entries]: readonly unknown[] = asArray(reply);
    const epoch = Number(text);
    this.#calls.observe(Number(now), sentAt);
    const others = new Set(texts(entries));
    others.delete(own);
    this.#leftovers.look(index, [...others]);
    if (decidedAt === undefined || !this.#isOvertaken(hash, epoch, decidedAt))
      return { type: "listed", epoch };
    this.#knownEpochs.saw(hash, epoch);
    // No session is about to come under this entry any more.
    this.#leftovers.suspect(index, [own]);
    return { type: "revoked" };
  }

  /** Whether the destruction that made `epoch` may have come after what was decided at `decidedAt`. */
  #isOvertaken(hash: string, epoch: number, decidedAt: number): boolean {
    if (performance.now() - decidedAt > OLDEST_DECISION_MS) return true;
    if (epoch === 0 || this.#knownEpochs.isBefore(hash, epoch, decidedAt)) return false;
    const earliest = this.#calls.serverTime(decidedAt);
    return earliest === undefined || epoch >= earliest;
  }

  /** Step C. */
  async raise(
    subject: string,
  ): Promise<{ readonly hash: string; readonly epoch: number; readonly ids: readonly string[] }> {
    const hash = hashSubject(subject);
    const keys = [this.#keys.index(hash), this.#keys.epoch(hash)];
    const [epoch, ...entries]: readonly unknown[] = asArray(
      await this.#calls.script("index-raise", keys, [String(EPOCH_MS), ...entryRange(hash)]),
    );
    this.#knownEpochs.saw(hash, Number(epoch));
    return { hash, epoch: Number(epoch), ids: texts(entries).map(idOfEntry) };
  }

  async ids(subject: string): Promise<string[]> {
    const hash = hashSubject(subject);
    const listed = await this.#calls.command("zrangebylex", [this.#keys.index(hash), ...entryRange(hash)]);
    return texts(asArray(listed)).map(idOfEntry);
  }

  /**
   * Sessions that were listed and not there, or that were destroyed: taken out once they can't come into being any more,
   * nor come back with a failover that lost their tombstone.
   */
  missed(subject: string, ids: readonly string[]): void {
    const hash = hashSubject(subject);
    this.#leftovers.suspect(
      this.#keys.index(hash),
      ids.map((id) => indexEntry(hash, id)),
    );
  }

  close(): void {
    this.#leftovers.close();
  }
}

/** More would be those of a process that destroys all the time; the oldest is forgotten, and is in doubt again then. */
const MAX_KNOWN_EPOCHS = 10_000;

/**
 * When this process saw an epoch: whatever it decides later is decided after that destruction for certain. The server's clock
 * alone would leave a doubt as long as a call takes, and a longer one after the clock was set back.
 */
class KnownEpochs {
  readonly #seen = new Map<string, { readonly epoch: number; readonly at: number }>();

  saw(hash: string, epoch: number): void {
    const known = this.#seen.get(hash);
    if (known !== undefined && known.epoch >= epoch) return;
    this.#seen.delete(hash);
    this.#seen.set(hash, { epoch, at: performance.now() });
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= MAX_KNOWN_EPOCHS) return;
      this.#seen.delete(oldest);
    }
  }

  isBefore(hash: string, epoch: number, decidedAt: number): boolean {
    const known = this.#seen.get(hash);
    return known !== undefined && known.epoch >= epoch && known.at <= decidedAt;
  }
}

function asArray(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}

function texts(values: readonly unknown[]): string[] {
  return values.filter((value) => typeof value === "string");
}

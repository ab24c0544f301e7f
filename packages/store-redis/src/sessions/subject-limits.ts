import type { SubjectLimit, TakeOverSubjectRequest, TakeOverSubjectResult } from "@wsession/core";
import { unavailable } from "../base/failures.ts";
import { parseMetadata } from "../base/record.ts";
import { hashSubject } from "../base/keys.ts";
import { asArray, texts } from "../commands/reply.ts";
import { takeOver } from "../commands/take-over.ts";
import type { Membership } from "../membership/membership.ts";
import type { Services } from "../holders/services.ts";
import type { Destruction } from "./destruction.ts";
import type { Subjects } from "./subjects.ts";

/** How long the last seat is kept: far longer than the difference between the clocks of two servers. */
const SEAT_MS = 24 * 3_600_000;

/** A login of a subject. */
interface Login {
  readonly id: string;
  readonly at: number;
}

/**
 * The state of a listed session. `"pending"`: the session does not exist and has no tombstone, or does not belong to the subject.
 */
type ListedState = "live" | "pending" | "over";

/**
 * The limits of a subject: one connection at a time (`exclusive: "subject"`), and a number of sessions.
 *
 * Why the newest takeover has the subject. A session is in the subject's index before it has the subject. A takeover first takes a
 * seat in the subject's slot, then reads the index, then goes to its own session, then to the others. Of two takeovers, the
 * takeover with the higher seat reads the index after the session of the other was listed. So it goes to that session too. Each
 * session records the highest seat that has reached it. So on each session the takeover with the higher seat wins, in whatever
 * order the two arrive.
 *
 * Why the number of sessions holds. A login enters the order of logins before its session is the subject's.
 * - `over: "oldest"`: after that it reads which sessions are live, and destroys the oldest ones over the number, itself included.
 *   Of simultaneous logins, the login that reads last finds all others, and all of them use the same order.
 * - `over: "refuse"`: before that it counts the older logins whose sessions are live, or may still be created. A login that
 *   is older by more than the time limit of two calls is refused by its not-after time, so it counts no longer. A login that
 *   has succeeded leaves the order, and its session then counts as older than any login. No login in progress is refused for
 *   that in error: the login that has left had counted it, and each session that it now finds.
 */
export class SubjectLimits {
  readonly #services: Services;
  readonly #subjects: Subjects;
  readonly #destruction: Destruction;
  readonly #membership: () => Membership | undefined;

  constructor(
    services: Services,
    subjects: Subjects,
    destruction: Destruction,
    membership: () => Membership | undefined,
  ) {
    this.#membership = membership;
    this.#services = services;
    this.#subjects = subjects;
    this.#destruction = destruction;
  }

  async takeOver({ id, subject, raise }: TakeOverSubjectRequest): Promise<TakeOverSubjectResult> {
    const { calls, keys, nextSequence } = this.#services;
    const hash = hashSubject(subject);
    const seat = String(await calls.script("take-seat", [keys.seat(hash)], [String(SEAT_MS)]));
    const ids = await this.#listed(subject);
    const takeAt = (session: string, mode: "own" | "keep" | "other") =>
      takeOver(this.#services, { id: session, sequence: nextSequence(), of: { mode, seat, hash, subject } });
    const own = await takeAt(id, raise ? "own" : "keep");
    if (own.type !== "taken") return own.type === "replaced" ? own : { type: "missing" };
    const others = await Promise.all(
      ids
        .filter((other) => other !== id)
        .map(async (other) => {
          const reply = await takeAt(other, "other");
          // A takeover with a higher seat has raised the fence.
          return reply.type === "missing" ? [] : [{ id: other, fence: reply.fence }];
        }),
    );
    return { type: "taken", fence: own.fence, others: others.flat() };
  }

  /** Enters a login whose session is listed. Returns false if the login is refused. */
  async enter(id: string, subject: string, limit: SubjectLimit, deadline: number): Promise<boolean> {
    const { calls, keys } = this.#services;
    const hash = hashSubject(subject);
    const answer = await calls.script("log-in", [keys.logins(hash), keys.index(hash)], [id], deadline);
    if (limit.over === "oldest") return true;
    const [now = "0", ...rest] = texts(asArray(answer));
    const logins = loginsOf(rest);
    const own = logins.findIndex((login) => login.id === id);
    const later = new Set(logins.slice(own).map((login) => login.id));
    const older = (await this.#listed(subject)).filter((other) => !later.has(other));
    const recent = Number(now) - 2 * calls.timeoutMs;
    const isPending = (other: string) => logins.some((login) => login.id === other && login.at >= recent);
    const states = await Promise.all(older.map((other) => this.#stateOf(other, subject)));
    const counted = older.filter(
      (other, index) => states[index] === "live" || (states[index] === "pending" && isPending(other)),
    );
    if (counted.length < limit.max) return true;
    await this.leave(id, subject);
    return false;
  }

  /** Removes a login that is over, because otherwise it would count as a login in progress. */
  async leave(id: string, subject: string): Promise<void> {
    const { calls, keys } = this.#services;
    await calls.command("zrem", [keys.logins(hashSubject(subject)), id]);
  }

  /**
   * Ends the oldest sessions over the limit, once the session of the login is the subject's. Their connections are closed, also those
   * of this process. Returns whether the session of the login remains.
   */
  async endOldest(id: string, subject: string, limit: SubjectLimit): Promise<boolean> {
    if (limit.over === "refuse") {
      // The login is over. After its session has expired, Redis has nothing that tells the session from one that is not created yet.
      this.leave(id, subject).catch(() => undefined);
      return true;
    }
    try {
      return !(await this.#endOldest(subject, limit)).includes(id);
    } catch (error) {
      throw unavailable(
        "the sessions over the limit could not be ended",
        "unknown",
        new Error(String(error)),
      );
    }
  }

  /** Returns the ids of the sessions that were ended. */
  async #endOldest(subject: string, limit: SubjectLimit): Promise<readonly string[]> {
    const { calls, keys } = this.#services;
    const key = keys.logins(hashSubject(subject));
    const ids = await this.#listed(subject);
    const states = await Promise.all(ids.map((id) => this.#stateOf(id, subject)));
    const live = ids.filter((_, index) => states[index] === "live");
    if (live.length <= limit.max) return [];
    const words = texts(asArray(await calls.command("zrange", [key, "0", "-1", "WITHSCORES"])));
    const at = new Map(loginsOf(words).map((login) => [login.id, login.at]));
    // A session that logged in before the option was used has no entry, and counts as the oldest.
    const byLogin = live.toSorted((a, b) => (at.get(a) ?? 0) - (at.get(b) ?? 0));
    const oldest = byLogin.slice(0, byLogin.length - limit.max);
    await Promise.all(oldest.map((id) => this.#destruction.replaced(id, this.#membership())));
    return oldest;
  }

  /** The listed sessions. Rejects if a part of the index can't be read, because a session that is missed would stay. */
  async #listed(subject: string): Promise<readonly string[]> {
    const ids = new Set<string>();
    const missed = (error: unknown): never => {
      throw error;
    };
    for await (const page of this.#subjects.pages(subject, missed)) for (const { id } of page) ids.add(id);
    return [...ids];
  }

  async #stateOf(id: string, subject: string): Promise<ListedState> {
    const { calls, keys } = this.#services;
    const reply = await calls.command("hmget", [keys.session(id), "m", "s", "t"]);
    const [metadata, owner, tombstone]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    if (typeof metadata !== "string") return tombstone === null ? "pending" : "over";
    const { idleAt, absoluteAt } = parseMetadata(metadata);
    if (Math.min(idleAt, absoluteAt) <= (calls.serverNow() ?? 0)) return "over";
    return owner === subject ? "live" : "pending";
  }
}

function loginsOf(words: readonly string[]): readonly Login[] {
  const logins: Login[] = [];
  for (let index = 0; index + 1 < words.length; index += 2)
    logins.push({ id: words[index] ?? "", at: Number(words[index + 1]) });
  return logins;
}

import type { PresenceEvent } from "@wsession/core";
import { SubjectWatches } from "@wsession/core/runtime";
import { grouped } from "../base/grouped.ts";
import { hashSubject } from "../base/keys.ts";
import { LONGEST_SWEEP, paced, sweepPause } from "../base/pace.ts";
import { numberOf } from "../base/subject-numbers.ts";
import { asArray } from "../commands/reply.ts";
import { listWatched } from "../commands/watching.ts";
import { type PublishedState, watchingMessage } from "../processes/announcements.ts";
import type { WatchingEvents } from "../processes/membership.ts";
import type { LeaseAnswers } from "../processes/orphans.ts";
import type { Services } from "../processes/services.ts";
import type { SubjectRead } from "./session-queries.ts";

/** Redis keeps the lists of watched subjects for this many sweeps without a renewal. */
const KEPT_SWEEPS = 4;
const FIRST_SWEEP_MS = 1_000;
/** Subjects that one script lists, so that Redis does not run it for long. */
const LISTED_AT_ONCE = 500;
/** Subjects that are read at the same time. */
const AT_ONCE = 64;

type Listener = (event: PresenceEvent) => void;

interface WatchedSubject {
  readonly subject: string;
  /** When the last read began, by the server's clock. */
  readAt: number;
  /** The number of the last read that was applied. */
  applied: number;
}

/**
 * The subjects that this process watches. They are listed in Redis, so that a change of one of their sessions is published to this
 * process. A sweep reads them again, because messages may be lost.
 */
export class SubjectWatching implements WatchingEvents {
  readonly #services: Services;
  readonly #read: (subject: string, lives: LeaseAnswers) => Promise<SubjectRead>;
  readonly #record: () => void;
  readonly #watches = new SubjectWatches();
  readonly #byHash = new Map<string, WatchedSubject>();
  /** Subjects that must be read, because a message about them may be out of date. */
  readonly #doubtful = new Set<string>();
  #isReadingDoubtful = false;
  /** Subjects that are read a lease later. */
  readonly #uncertain = new Set<string>();
  #reads = 0;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #isClosed = false;

  /** `record`: starts the recording in this process. */
  constructor(
    services: Services,
    read: (subject: string, lives: LeaseAnswers) => Promise<SubjectRead>,
    record: () => void,
  ) {
    this.#services = services;
    this.#read = read;
    this.#record = record;
  }

  async watch(subjects: readonly string[], listener: Listener): Promise<() => void> {
    const isFirst = this.#watches.size === 0;
    for (const subject of subjects) {
      const hash = hashSubject(subject);
      if (!this.#byHash.has(hash))
        this.#byHash.set(hash, { subject, readAt: Number.NEGATIVE_INFINITY, applied: 0 });
    }
    this.#watches.add(subjects, listener);
    const stop = (): void => this.#stop(subjects, listener);
    try {
      // List the subjects before they are read, because otherwise a change between the two would be lost.
      await this.#list(subjects, false);
      await this.#announce();
      this.#record();
      await this.#readAll(subjects);
    } catch (error) {
      stop();
      throw error;
    }
    // The other processes do not publish changes before they know that this process watches. A sweep finds these changes.
    if (isFirst) this.#sweepLater(Math.min(FIRST_SWEEP_MS, this.#services.settings.sweepMs));
    else this.#sweepLater();
    return stop;
  }

  /**
   * A message may be out of date: its process may have stood still between the change and the message, and the session may have ended
   * meanwhile. A read that began after the change knows better than the message. So the subject is read again in place of the message.
   */
  changed({ id, hash, state, stamp }: PublishedState): void {
    const watched = this.#byHash.get(hash);
    if (watched === undefined) return;
    if (stamp > watched.readAt) this.#watches.changed(watched.subject, { id, type: state, stamp });
    else this.#readSoon(watched.subject);
  }

  missed(): void {
    if (this.#watches.size > 0) void this.#sweep();
  }

  tick(): void {
    if (this.#watches.size === 0) return;
    this.#announce().catch(() => undefined);
    this.#record();
  }

  /** Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#list([...this.#watches.subjects()], true).catch(() => undefined);
  }

  #stop(subjects: readonly string[], listener: Listener): void {
    const ended = this.#watches.remove(subjects, listener);
    for (const subject of ended) this.#byHash.delete(hashSubject(subject));
    if (ended.length > 0 && !this.#isClosed) this.#list(ended, true).catch(() => undefined);
    if (this.#watches.size === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }

  /** Asks every process to publish changes, for some time. */
  async #announce(): Promise<void> {
    const { calls, counters, keys, node } = this.#services;
    counters.announcementsSent += 1;
    await calls.command("publish", [keys.everybody, watchingMessage(node)]);
  }

  async #list(subjects: readonly string[], removes: boolean): Promise<void> {
    const { isCluster } = this.#services.connection;
    const numbered = subjects.map((subject) => numberOf(subject, isCluster));
    const byBucket = grouped(numbered, ({ bucket }) => bucket);
    const keepMs = KEPT_SWEEPS * this.#services.settings.sweepMs;
    const lists: Promise<void>[] = [];
    for (const numbers of byBucket.values())
      for (let first = 0; first < numbers.length; first += LISTED_AT_ONCE) {
        const some = numbers.slice(first, first + LISTED_AT_ONCE);
        lists.push(listWatched(this.#services, some, keepMs, removes));
      }
    await Promise.all(lists);
  }

  async #readAll(subjects: readonly string[]): Promise<void> {
    const lives: LeaseAnswers = new Map();
    for (let first = 0; first < subjects.length; first += AT_ONCE)
      for (const result of await this.#readSome(subjects.slice(first, first + AT_ONCE), lives))
        if (result.status === "rejected") throw result.reason;
  }

  /** Rejects if Redis does not answer. */
  async #readSome(subjects: readonly string[], lives: LeaseAnswers): Promise<PromiseSettledResult<void>[]> {
    // Before the reads begin: a message about an earlier change is out of date.
    const [seconds, micros] = asArray(await this.#services.calls.command("time", [])).map(Number);
    const now = (seconds ?? 0) * 1_000 + Math.floor((micros ?? 0) / 1_000);
    return Promise.allSettled(subjects.map((subject) => this.#readOne(subject, now, lives)));
  }

  async #readOne(subject: string, now: number, lives: LeaseAnswers): Promise<void> {
    const hash = hashSubject(subject);
    const watched = this.#byHash.get(hash);
    if (watched === undefined) return;
    watched.readAt = now;
    const { changeCount } = this.#watches;
    const read = (this.#reads += 1);
    const { states, isUncertain } = await this.#read(subject, lives);
    if (isUncertain) this.#readAfterLease(subject);
    // Of two reads at the same time, the one that began earlier may end later, and knows less. A read that began before the subject was
    // unwatched and watched again knows less too.
    if (read < watched.applied || this.#byHash.get(hash) !== watched) return;
    watched.applied = read;
    this.#watches.read(subject, states, changeCount);
  }

  /** A process that had no lease for a moment may have one again, and then publishes nothing, because its sessions have not changed. */
  #readAfterLease(subject: string): void {
    this.#uncertain.add(subject);
    if (this.#uncertain.size > 1) return;
    setTimeout(() => {
      const subjects = [...this.#uncertain];
      this.#uncertain.clear();
      for (const one of subjects) this.#readSoon(one);
    }, this.#services.settings.leaseMs).unref();
  }

  #readSoon(subject: string): void {
    this.#doubtful.add(subject);
    if (!this.#isReadingDoubtful && !this.#isClosed) void this.#readDoubtful();
  }

  /** Never rejects: the next sweep reads the subjects that could not be read. */
  async #readDoubtful(): Promise<void> {
    this.#isReadingDoubtful = true;
    while (this.#doubtful.size > 0 && !this.#isClosed) {
      const subjects = [...this.#doubtful].slice(0, AT_ONCE);
      for (const subject of subjects) this.#doubtful.delete(subject);
      const lives: LeaseAnswers = new Map();
      await this.#readSome(subjects, lives).catch(() => undefined);
    }
    this.#isReadingDoubtful = false;
  }

  #sweepLater(ms: number = sweepPause(this.#services.settings.sweepMs, 0)): void {
    if (this.#timer !== undefined || this.#isClosed || this.#watches.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const startedAt = performance.now();
      void this.#sweep().then(() => {
        this.#sweepLater(sweepPause(this.#services.settings.sweepMs, performance.now() - startedAt));
      });
    }, ms);
    this.#timer.unref();
  }

  /** Never rejects: the next sweep reads the subjects that could not be read. */
  #sweep(): Promise<void> {
    this.#sweeping ??= this.#sweepOnce().finally(() => (this.#sweeping = undefined));
    return this.#sweeping;
  }

  async #sweepOnce(): Promise<void> {
    const subjects = [...this.#watches.subjects()];
    await this.#list(subjects, false).catch(() => undefined);
    const lives: LeaseAnswers = new Map();
    await paced(subjects, this.#services.settings.sweepMs * LONGEST_SWEEP, 1, async (batch) => {
      await this.#readSome(batch, lives).catch(() => undefined);
      return !this.#isClosed;
    });
  }
}

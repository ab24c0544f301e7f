import { setTimeout as delay } from "node:timers/promises";
import type { PresenceEvent } from "@wsession/core";
import { SubjectWatches } from "@wsession/core/runtime";
import { grouped } from "../base/grouped.ts";
import { hashSubject } from "../base/keys.ts";
import { LONGEST_SWEEP, paced, sweepPause } from "../base/pace.ts";
import { retryPause } from "../base/retry-pause.ts";
import { numberOf } from "../base/subject-numbers.ts";
import { timeOf } from "../connection/clock.ts";
import { listWatched } from "../commands/watching.ts";
import { type PublishedState, watchingMessage } from "../announcements/announcements.ts";
import type { WatchingEvents } from "../membership/membership.ts";
import type { LeaseAnswers } from "../holders/orphans.ts";
import type { Services } from "../holders/services.ts";
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
  readonly #report: (error: unknown) => void;
  readonly #watches = new SubjectWatches();
  readonly #byHash = new Map<string, WatchedSubject>();
  /** Subjects that must be read, because a message about them may be out of date. */
  readonly #doubtful = new Set<string>();
  #isReadingDoubtful = false;
  /** Subjects whose last read failed, or could not read each session. They are read again until a read is complete. */
  readonly #unread = new Set<string>();
  #isReadingUnread = false;
  /** Whether the present outage was reported. */
  #isReported = false;
  /** Subjects that are read a lease later. */
  readonly #uncertain = new Set<string>();
  #reads = 0;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #isClosed = false;

  /** `record`: starts the recording in this process. `report`: gets one error for each outage in which sessions of a subject with a listener were not read. */
  constructor(
    services: Services,
    read: (subject: string, lives: LeaseAnswers) => Promise<SubjectRead>,
    record: () => void,
    report: (error: unknown) => void,
  ) {
    this.#services = services;
    this.#read = read;
    this.#record = record;
    this.#report = report;
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
    // The other processes publish no changes before they receive the message that this process watches subjects. A sweep finds
    // these changes.
    if (isFirst) this.#sweepLater(Math.min(FIRST_SWEEP_MS, this.#services.settings.sweepMs));
    else this.#sweepLater();
    return stop;
  }

  /**
   * A message may be out of date: its process may have been stopped between the change and the message, and the session may have
   * ended meanwhile. A read that began after the change is more recent than the message. So the subject is read again in place of
   * the message.
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
    for (const subject of ended) {
      this.#byHash.delete(hashSubject(subject));
      this.#unread.delete(subject);
    }
    if (ended.length > 0 && !this.#isClosed) this.#list(ended, true).catch(() => undefined);
    if (this.#watches.size === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }

  /** Requests every process to publish changes, for some time. */
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

  /** Reads some subjects. The subjects that could not be read are read again later. Never rejects. */
  async #readSome(subjects: readonly string[], lives: LeaseAnswers): Promise<PromiseSettledResult<void>[]> {
    // Before the reads begin: a message about an earlier change is out of date.
    const asked = this.#services.calls.command("time", []).then((reply) => timeOf(reply) ?? 0);
    const reads = subjects.map(async (subject) => {
      try {
        await this.#readOne(subject, await asked, lives);
      } catch (error) {
        this.#readAgain(subject);
        throw error;
      }
    });
    return Promise.allSettled(reads);
  }

  /** Rejects if a server did not answer and no session was found. */
  async #readOne(subject: string, now: number, lives: LeaseAnswers): Promise<void> {
    const hash = hashSubject(subject);
    const watched = this.#byHash.get(hash);
    if (watched === undefined) return;
    watched.readAt = now;
    const { changeCount } = this.#watches;
    const read = (this.#reads += 1);
    const { states, isUncertain, failure, mayExist } = await this.#read(subject, lives);
    // Without this line a subject that may be online would be reported as offline.
    if (failure !== undefined && states.length === 0 && watched.applied === 0) throw failure;
    if (isUncertain) this.#readAfterLease(subject);
    // Of two simultaneous reads, the read that began earlier may end later, with older data. A read that began before the subject
    // was unwatched and watched again has older data too.
    if (read < watched.applied || this.#byHash.get(hash) !== watched) {
      // The later read may have failed too. Without this line the watch would resolve though no read found a session.
      if (failure !== undefined && states.length === 0) throw failure;
      return;
    }
    watched.applied = read;
    this.#watches.read(subject, states, changeCount, mayExist);
    if (failure === undefined) {
      this.#unread.delete(subject);
      return;
    }
    this.#readAgain(subject);
    // A listener that already has a state of the subject gets the report even if no session was read, because it has no call to reject.
    if (!this.#isReported) {
      this.#isReported = true;
      this.#report(failure);
    }
    if (states.length === 0) throw failure;
  }

  /** Without another read a change whose message was lost, or came late, would be missing until the next sweep. */
  #readAgain(subject: string): void {
    if (!this.#byHash.has(hashSubject(subject))) return;
    this.#unread.add(subject);
    if (!this.#isReadingUnread) void this.#readUnread();
  }

  /** Never rejects. */
  async #readUnread(): Promise<void> {
    this.#isReadingUnread = true;
    let failures = 0;
    while (this.#unread.size > 0 && !this.#isClosed) {
      await delay(retryPause(failures), undefined, { ref: false });
      if (this.#isClosed) break;
      // A subject that can't be read again goes to the end.
      const subjects = [...this.#unread].slice(0, AT_ONCE);
      for (const subject of subjects) this.#unread.delete(subject);
      await this.#readSome(subjects, new Map());
      failures = subjects.some((subject) => this.#unread.has(subject)) ? failures + 1 : 0;
    }
    this.#isReported = false;
    this.#isReadingUnread = false;
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

  /** Never rejects. */
  async #readDoubtful(): Promise<void> {
    this.#isReadingDoubtful = true;
    while (this.#doubtful.size > 0 && !this.#isClosed) {
      const subjects = [...this.#doubtful].slice(0, AT_ONCE);
      for (const subject of subjects) this.#doubtful.delete(subject);
      const lives: LeaseAnswers = new Map();
      await this.#readSome(subjects, lives);
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

  /** Never rejects. */
  #sweep(): Promise<void> {
    this.#sweeping ??= this.#sweepOnce().finally(() => (this.#sweeping = undefined));
    return this.#sweeping;
  }

  async #sweepOnce(): Promise<void> {
    const subjects = [...this.#watches.subjects()];
    await this.#list(subjects, false).catch(() => undefined);
    const lives: LeaseAnswers = new Map();
    await paced(subjects, this.#services.settings.sweepMs * LONGEST_SWEEP, 1, async (batch) => {
      await this.#readSome(batch, lives);
      return !this.#isClosed;
    });
  }
}

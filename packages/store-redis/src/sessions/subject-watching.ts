import type { PresenceEvent } from "@wsession/core";
import { SubjectWatches } from "@wsession/core/runtime";
import { grouped } from "../base/grouped.ts";
import { hashSubject } from "../base/keys.ts";
import { LONGEST_SWEEP, paced, sweepPause } from "../base/pace.ts";
import { numberOf } from "../base/subject-numbers.ts";
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

/**
 * The subjects that this process watches. They are listed in Redis, so that a change of one of their sessions is published to this
 * process. A sweep reads them again, because messages may be lost.
 */
export class SubjectWatching implements WatchingEvents {
  readonly #services: Services;
  readonly #read: (subject: string, lives: LeaseAnswers) => Promise<SubjectRead>;
  readonly #record: () => void;
  readonly #watches = new SubjectWatches();
  readonly #byHash = new Map<string, string>();
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
    for (const subject of subjects) this.#byHash.set(hashSubject(subject), subject);
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

  changed({ id, hash, state, stamp }: PublishedState): void {
    const subject = this.#byHash.get(hash);
    if (subject !== undefined) this.#watches.changed(subject, { id, type: state, stamp });
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
      await Promise.all(
        subjects.slice(first, first + AT_ONCE).map((subject) => this.#readOne(subject, lives)),
      );
  }

  async #readOne(subject: string, lives: LeaseAnswers): Promise<void> {
    const { states, readAt } = await this.#read(subject, lives);
    this.#watches.read(subject, states, readAt);
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
      await Promise.allSettled(batch.map((subject) => this.#readOne(subject, lives)));
      return !this.#isClosed;
    });
  }
}

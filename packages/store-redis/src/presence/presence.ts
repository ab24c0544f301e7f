import { valueOf } from "../commands/reply.ts";
import { readState, type StateChange } from "../commands/state-change.ts";
import type { MovedPresence } from "../commands/rotate.ts";
import { parseHolders } from "../base/record.ts";
import { parsePresence, stateOf } from "../base/presence-record.ts";
import { Adoption } from "./adoption.ts";
import { DueQueue, POLL_MS } from "./due-queue.ts";
import type { HeldCounts } from "../holders/held-counts.ts";
import { Looks } from "./looks.ts";
import type { Recording } from "../holders/recording.ts";
import type { Services } from "../holders/services.ts";
import { ChangePublisher } from "./change-publisher.ts";

/** How often dead processes are looked for. */
const ADOPTION_MS = 1_000;
/** How often events of other processes are looked for. */
const TAKE_MS = 500;
/**
 * Milliseconds until a process that had no lease looks at its sessions. With a longer time, events that were due earlier would be
 * late.
 */
const RELIST_MS = 1_000;
/** How long a shutdown waits for events that are being handled. */
const EVENTS_MS = 5_000;

/** The presence of this process's sessions: its queue, its looks, and its published changes. Sends nothing while nothing is recorded. */
export class Presence {
  readonly #services: Services;
  readonly #recording: Recording;
  readonly #queue: DueQueue;
  readonly #looks: Looks;
  readonly #adoption: Adoption;
  readonly #publisher: ChangePublisher;
  #timer: NodeJS.Timeout | undefined;
  #isPolling = false;
  #adoptedAt = Number.NEGATIVE_INFINITY;
  #tookAt = Number.NEGATIVE_INFINITY;
  #stayedAt = performance.now();

  constructor(services: Services, heldCounts: HeldCounts) {
    this.#services = services;
    this.#recording = services.recording;
    this.#queue = new DueQueue(services);
    this.#publisher = new ChangePublisher(services, this.#recording);
    const publish = (id: string, change: StateChange): void => this.#publisher.publish(id, change);
    this.#looks = new Looks(services, this.#recording, this.#queue, heldCounts, publish);
    this.#adoption = new Adoption(services, this.#queue, this.#looks);
    services.doubts.listen((id) => void this.#publishAgain(id));
  }

  open(): void {
    this.#timer = setInterval(() => void this.#poll(), POLL_MS);
    this.#timer.unref();
  }

  /** Resolves once the changes so far are published to the watching processes. Never rejects. */
  flushed(): Promise<void> {
    return this.#publisher.flush();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#adoption.close();
    await this.#looks.waitForEvents(EVENTS_MS);
  }

  /**
   * Lists a session before it changes in Redis, because otherwise no process would look at the session if this process died. Returns
   * `undefined` while nothing is recorded.
   */
  list(id: string, ms: number, deadline?: number): Promise<void> | undefined {
    if (!this.#recording.isOn) return undefined;
    this.#looks.listed(id);
    return this.#queue.list(id, ms, deadline);
  }

  /** Looks at a session soon, after a call that may or may not have changed the session. */
  lookSoon(id: string, ms: number = 0): void {
    if (!this.#recording.isOn) return;
    this.#looks.listed(id);
    this.#queue.listSoon(id, ms);
  }

  /**
   * Looks at a session at its deadline, `ms` milliseconds from now, for an application with the event `expired`. `listedMs`: the time of
   * the look for which the session is listed already.
   */
  lookAtDeadline(id: string, ms: number, listedMs: number): void {
    if (ms < listedMs && this.#recording.events.has("expired")) this.lookSoon(id, ms);
  }

  /** Publishes a change that a script reported. */
  changed(id: string, change: StateChange | undefined): void {
    if (change !== undefined && this.#recording.isOn) this.#publisher.publish(id, change);
  }

  /**
   * Reads a session whose presence may have changed without a reply, and publishes its state. If the read fails, the sweeps of the
   * watching processes find the change.
   */
  async #publishAgain(id: string): Promise<void> {
    const { calls, keys } = this.#services;
    if (!this.#recording.isWatched) return;
    try {
      const state = await readState(calls, keys.session(id));
      if (state !== undefined) this.#publisher.publish(id, state);
    } catch {
      // Redis did not answer.
    }
  }

  /** Publishes that another call has ended a session whose presence is recorded, also if this process records nothing. */
  ended(id: string, change: StateChange): void {
    this.#publisher.publish(id, change);
  }

  /** Redis has stored the count of this process's connections. */
  counted(id: string, count: number, leaves: boolean, change: StateChange | undefined): void {
    if (!this.#recording.isOn) return;
    this.changed(id, change);
    if (count > 0) {
      if (change !== undefined) this.lookSoon(id, this.#services.settings.leaseMs);
    } else if (leaves) this.lookNow(id);
    else this.lookSoon(id, this.#recording.leaveMs);
  }

  /** Looks at a session at once, and again later if Redis does not answer. */
  lookNow(id: string): void {
    if (!this.#recording.isOn) return;
    this.#looks.at(id).catch(() => this.lookSoon(id));
  }

  /** A session has another subject. */
  moved(id: string, subject: string, { from, hash }: MovedPresence): void {
    if (from === subject || !Array.isArray(hash)) return;
    const record = parsePresence(valueOf(hash, "p"));
    if (record === undefined) return;
    const { stamp } = record;
    // If the call was sent again, another process may have changed the subject meanwhile.
    const owner = valueOf(hash, "s");
    if (from !== undefined && from !== owner) this.changed(id, { subject: from, type: "offline", stamp });
    if (owner !== subject) return;
    const now = this.#services.calls.serverNow() ?? 0;
    const type = stateOf(record, parseHolders(valueOf(hash, "h")).length > 0, now);
    this.changed(id, { subject, type, stamp });
  }

  /** Redis may have lost leases, or could not be reached: processes could not renew their leases, and clients could not come back. */
  disturbed(): void {
    this.#adoption.wait();
    this.#queue.forget();
    const now = this.#services.calls.serverNow();
    if (now !== undefined && this.#queue.hasJoined) this.#looks.earliestLeave = now + this.#recording.leaveMs;
  }

  /** Other processes may have taken over the queue of this one. Lists the sessions that it holds again. */
  relist(ids: readonly string[]): void {
    if (!this.#recording.isOn) return;
    this.#queue.joinAgain();
    for (const id of ids) this.#looks.listed(id);
    this.#queue.relist(ids, Math.min(RELIST_MS, this.#services.settings.leaseMs)).catch(() => {
      for (const id of ids) this.lookSoon(id);
    });
  }

  /** Starts looks as long as there is room. The next poll does not wait for events that take long. */
  async #lookAtDue(): Promise<void> {
    for (;;) {
      const { room } = this.#looks;
      const due = room > 0 ? await this.#queue.due(room) : [];
      const looks = due.filter((id) => !this.#looks.isRunning(id)).map((id) => this.#looks.at(id));
      if (due.length < room || looks.length === 0) return disregardAll(looks);
      await Promise.race(looks.map((one) => one.catch(() => undefined)));
    }
  }

  #listTaken(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#looks.listed(id);
    return this.#queue.listAll(ids, 0);
  }

  async #poll(): Promise<void> {
    if (!this.#recording.isOn) return;
    this.#queue.write();
    if (this.#isPolling) return;
    this.#isPolling = true;
    try {
      await this.#queue.join();
      const now = performance.now();
      if (now - this.#adoptedAt >= Math.min(ADOPTION_MS, this.#services.settings.leaseMs / 3)) {
        this.#adoptedAt = now;
        void this.#adoption.run();
      }
      if (now - this.#stayedAt >= this.#services.settings.leaseMs) {
        this.#stayedAt = now;
        this.#queue.stay();
      }
      if (now - this.#tookAt >= TAKE_MS) {
        this.#tookAt = now;
        await this.#services.unclaimed.take(this.#recording.events, (ids) => this.#listTaken(ids));
      }
      await this.#lookAtDue();
    } catch {
      // Redis did not answer. The next poll tries again.
    } finally {
      this.#isPolling = false;
    }
  }
}

/** The sessions stay in the queue, so a look that failed is repeated. */
function disregardAll(looks: readonly Promise<void>[]): void {
  for (const one of looks) one.catch(() => undefined);
}

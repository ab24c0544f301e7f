import type { SessionEventType } from "@wsession/core";
import type { HolderEntry } from "../base/record.ts";
import { look, type LookReply } from "../commands/look.ts";
import type { StateChange } from "../commands/state-change.ts";
import type { DueQueue } from "./due-queue.ts";
import type { HeldCounts } from "../holders/held-counts.ts";
import { Orphans } from "../holders/orphans.ts";
import type { Recording } from "../holders/recording.ts";
import type { Services } from "../holders/services.ts";

/** The most sessions that are looked at, or whose events are handled, at the same time. */
const AT_ONCE = 128;
const CLAIMS_PER_LEASE = 3;
/** After this many leases a process without a lease is removed from the list. The process is found again if a session still names it as a holder. */
const FORGOTTEN_LEASES = 20;

type Handled = { readonly type: SessionEventType; readonly at: number } | undefined;

interface Running {
  /** The session was listed after the last look was sent, so its answer may be too old to decide on the entry. */
  isStale: boolean;
  run: Promise<void> | undefined;
}

/**
 * Looks at sessions whose time has come: records that they have left or expired, and handles their events. An event is claimed in the
 * session's record, for one lease. If this process ends before it has handled the event, another one finds the session in the queue,
 * and handles the event under the same id.
 */
export class Looks {
  readonly #services: Services;
  readonly #recording: Recording;
  readonly #queue: DueQueue;
  readonly #heldCounts: HeldCounts;
  readonly #publish: (id: string, change: StateChange) => void;
  readonly #running = new Map<string, Running>();
  /** Processes that had no lease at the last check, and since when. Their connections do not count. */
  readonly #lost = new Map<string, number>();
  /** Sessions that are away, by a look of this process, because their processes have ended. */
  readonly #takenForLost = new Set<string>();
  readonly #orphans: Orphans;
  /** By the server's clock: after an outage of Redis no session leaves before this time, because its client could not come back. */
  earliestLeave = 0;

  constructor(
    services: Services,
    recording: Recording,
    queue: DueQueue,
    heldCounts: HeldCounts,
    publish: (id: string, change: StateChange) => void,
  ) {
    this.#services = services;
    this.#recording = recording;
    this.#queue = queue;
    this.#heldCounts = heldCounts;
    this.#publish = publish;
    this.#orphans = new Orphans(services);
  }

  /** How many more sessions may be looked at now. */
  get room(): number {
    return AT_ONCE - this.#running.size;
  }

  /**
   * `lost`: processes without a lease. Drops the processes that have a lease again, and checks their sessions: such a process may have
   * registered its connections before a late look found that they are gone.
   */
  async checkLost(lost: Iterable<string>): Promise<void> {
    const now = performance.now();
    for (const node of lost) this.#lost.set(node, now);
    const found: string[] = [];
    const check = async ([node, since]: readonly [string, number]): Promise<void> => {
      const isOld = since < now - FORGOTTEN_LEASES * this.#services.settings.leaseMs;
      const lives = !isOld && (await this.#services.liveness.look(node));
      if (lives) found.push(node);
      if (isOld || lives) this.#lost.delete(node);
    };
    await Promise.all([...this.#lost].map(check));
    if (found.length > 0) for (const id of this.#takenForLost) this.#queue.listSoon(id, 0);
    if (found.length > 0 || this.#lost.size === 0) this.#takenForLost.clear();
  }

  isRunning(id: string): boolean {
    return this.#running.has(id);
  }

  /** The session is about to be listed again. */
  listed(id: string): void {
    const running = this.#running.get(id);
    if (running !== undefined) running.isStale = true;
  }

  /** Resolves once the session was looked at, and its event handled. Rejects if Redis does not answer. */
  at(id: string): Promise<void> {
    const before = this.#running.get(id);
    if (before?.run !== undefined) {
      before.isStale = true;
      return before.run;
    }
    const running: Running = { isStale: false, run: undefined };
    this.#running.set(id, running);
    running.run = this.#run(id, running).finally(() => this.#running.delete(id));
    return running.run;
  }

  /** Waits for the events that are being handled, for `ms` at most. */
  async waitForEvents(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([Promise.allSettled([...this.#running.values()].map(({ run }) => run)), late]);
    clearTimeout(timer);
  }

  async #run(id: string, running: Running): Promise<void> {
    let handled: Handled;
    let isHolderAlive = false;
    for (;;) {
      running.isStale = false;
      const sentAt = performance.now();
      const reply = await this.#look(id, handled, isHolderAlive);
      if (reply.change !== undefined) this.#publish(id, reply.change);
      // Only a look that took a process for dead finds such a session away.
      if (reply.change?.type === "away") this.#takenForLost.add(id);
      handled = undefined;
      if (reply.type === "event") {
        // This process was stopped until its claim had expired: another process may have handled the event.
        if (performance.now() - sentAt >= this.#services.settings.leaseMs) continue;
        await this.#handle(id, reply);
        handled = { type: reply.event, at: reply.at };
      } else if (reply.type === "held" && (await this.#findLost(id, reply.holders))) continue;
      else if (reply.type === "doubtful") isHolderAlive = !(await this.#findLost(id, reply.holders));
      else if (!running.isStale) return this.#scheduleNext(id, reply);
    }
  }

  /** While the event is handled, its claim is kept alive. */
  async #handle(id: string, { event, at, subject }: Extract<LookReply, { type: "event" }>): Promise<void> {
    const { leaseMs } = this.#services.settings;
    void this.#queue.schedule(id, (this.#services.calls.serverNow() ?? 0) + leaseMs);
    const claim = setInterval(() => {
      this.#look(id, undefined, false).catch(() => undefined);
    }, leaseMs / CLAIMS_PER_LEASE);
    claim.unref();
    try {
      await this.#recording.deliver(event, { id: `${id}:${event}:${at}`, sessionId: id, subject, at });
    } finally {
      clearInterval(claim);
    }
  }

  /** A session that this process holds stays in the queue, and so does one that a call in flight may register. */
  async #scheduleNext(id: string, reply: Exclude<LookReply, { type: "event" | "doubtful" }>): Promise<void> {
    const { calls, settings, unclaimed } = this.#services;
    const mayHold = reply.type === "own" || this.#heldCounts.has(id);
    let at = reply.type === "gone" || reply.type === "held" ? 0 : reply.at;
    if (reply.type === "unwanted") {
      await unclaimed.list(id, reply.event, 0);
      // The answer for a session with connections has no time of the next look.
      const soon = (calls.serverNow() ?? 0) + settings.leaseMs;
      if (mayHold) at = at === 0 ? soon : Math.min(at, soon);
    }
    // Another holder has an entry of its own.
    return at === 0 && !mayHold ? this.#queue.remove(id) : this.#queue.schedule(id, at);
  }

  /** Whether none of the holders has a lease, so that the session has to be looked at again. */
  async #findLost(id: string, holders: readonly HolderEntry[]): Promise<boolean> {
    const orphans = await this.#orphans.sweep(id, holders);
    for (const { node } of orphans) this.#lost.set(node, performance.now());
    return orphans.length === holders.length;
  }

  #look(id: string, handled: Handled, isHolderAlive: boolean): Promise<LookReply> {
    const { leaseMs, tombstoneMs } = this.#services.settings;
    const { leaveMs, events: wanted } = this.#recording;
    const { earliestLeave } = this;
    return look(this.#services, {
      id,
      claimMs: leaseMs,
      leaveMs,
      wanted,
      lost: this.#lost.keys(),
      earliestLeave,
      handled,
      tombstoneMs,
      isHolderAlive,
    });
  }
}

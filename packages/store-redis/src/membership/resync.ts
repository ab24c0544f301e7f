import { setTimeout as delay } from "node:timers/promises";
import { isSessionError } from "@wsession/core";
import type { StoreHost } from "@wsession/core";
import type { RedisCounters } from "../base/diagnostics.ts";
import { grouped } from "../base/grouped.ts";
import type { HeldCounts } from "../holders/held-counts.ts";
import type { LeaseAnswers } from "../holders/orphans.ts";
import { LONGEST_SWEEP, paced, sweepPause } from "../base/pace.ts";
import type { Recheck } from "./recheck.ts";

const RETRY_MS = 500;
/** With no sign of a lost announcement, each session is reread in one of this many sweeps. */
const CALM_SHARE = 10;
/**
 * A random delay before a full reread, because otherwise all processes would read at once after a shared
 * failure: per session, and at most.
 */
const JITTER_PER_SESSION_MS = 1;
const JITTER_MS = 1_000;

/** The objects and answers that rereading uses. */
export interface ResyncParts {
  readonly recheck: Recheck;
  readonly host: StoreHost;
  readonly heldCounts: HeldCounts;
  readonly sweepMs: number;
  readonly counters: Pick<RedisCounters, "sweeps">;
  /** Since when every published message was received; `undefined` if messages may be missing now. */
  readonly unbrokenSince: () => number | undefined;
  /**
   * An identifier of the server that has the session. Servers are read independently, so one that does not
   * answer delays only its own sessions.
   */
  readonly serverOf: (id: string) => string;
}

/**
 * Rereads the sessions that this process holds, because announcements are only hints and may be lost: after
 * the subscription was interrupted, after the lease lapsed, and in periodic sweeps. While the subscription is
 * confirmed and no connection was replaced, a sweep reads one tenth of the sessions.
 */
export class Resync {
  readonly #recheck: Recheck;
  readonly #host: StoreHost;
  readonly #heldCounts: HeldCounts;
  readonly #sweepMs: number;
  readonly #counters: Pick<RedisCounters, "sweeps">;
  readonly #unbrokenSince: ResyncParts["unbrokenSince"];
  readonly #serverOf: ResyncParts["serverOf"];
  #timer: NodeJS.Timeout | undefined;
  #sweeps = 0;
  #isRunning = false;
  /** When the last full reread began. */
  #readSince = Number.NEGATIVE_INFINITY;
  /** When announcements or holders were last known to be possibly lost. */
  #lossPossibleAt = Number.NEGATIVE_INFINITY;
  /** A full reread was requested during a full reread, which may already have passed the changed session. */
  #again: { register: boolean } | undefined;
  /** Sessions whose server did not answer. This process may lack changes of them. */
  #unread:
    | { readonly timer: NodeJS.Timeout; readonly ids: readonly string[]; readonly register: boolean }
    | undefined;
  #retryMs = RETRY_MS;
  #isClosed = false;

  constructor({ recheck, host, heldCounts, sweepMs, counters, unbrokenSince, serverOf }: ResyncParts) {
    this.#recheck = recheck;
    this.#host = host;
    this.#heldCounts = heldCounts;
    this.#sweepMs = sweepMs;
    this.#counters = counters;
    this.#unbrokenSince = unbrokenSince;
    this.#serverOf = serverOf;
  }

  open(): void {
    this.#sweepLater(0);
  }

  /** `tookMs`: how long the sweep before took. */
  #sweepLater(tookMs: number): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(
      () => {
        const startedAt = performance.now();
        this.#heldCounts.repair();
        void this.#sweep().then(() => this.#sweepLater(performance.now() - startedAt));
      },
      sweepPause(this.#sweepMs, tookMs),
    );
    this.#timer.unref();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#unread?.timer);
  }

  /** Announcements may have been lost, so the next sweep reads all held sessions. */
  markPossibleLoss(): void {
    this.#lossPossibleAt = performance.now();
  }

  /**
   * Rereads all sessions. Registers this process again for sessions that do not list it, or for all with
   * `register`. Never rejects: failures are reported, and sessions whose server did not answer are read again
   * soon.
   */
  async run(register: boolean): Promise<void> {
    this.markPossibleLoss();
    if (this.#isRunning) this.#again = { register: register || this.#again?.register === true };
    else await this.#readAll(register, () => this.#jitter());
  }

  async #readAll(register: boolean, before?: () => Promise<void>): Promise<void> {
    this.#isRunning = true;
    const registers = register || this.#unread?.register === true;
    await before?.();
    this.#forgetUnread();
    this.#readSince = performance.now();
    if (!this.#isClosed) await this.#read([...this.#host.heldIds()], registers);
    this.#isRunning = false;
    const again = this.#again;
    this.#again = undefined;
    if (again !== undefined && !this.#isClosed) await this.run(again.register);
  }

  async #sweep(): Promise<void> {
    if (this.#isRunning) return;
    this.#sweeps += 1;
    this.#counters.sweeps += 1;
    // No random delay: the pause between two sweeps is random already, and is computed so that no session is read too late.
    if (!this.#isCalm()) return this.#readAll(false);
    const turn = this.#sweeps % CALM_SHARE;
    const ids = [...this.#host.heldIds()].filter((id) => turnOf(id) === turn);
    await this.#read(ids, false);
  }

  /** Whether all held sessions were read after the last time at which announcements may have been lost. */
  #isCalm(): boolean {
    const since = this.#unbrokenSince();
    return since !== undefined && since <= this.#readSince && this.#lossPossibleAt <= this.#readSince;
  }

  async #jitter(): Promise<void> {
    const held = [...this.#host.heldIds()].length;
    const most = Math.min(JITTER_MS, JITTER_PER_SESSION_MS * held);
    if (most > 1) await delay(Math.random() * most, undefined, { ref: false });
  }

  /**
   * Reads each server's sessions independently. Sessions of a server that does not answer are read again
   * later.
   */
  async #read(ids: readonly string[], register: boolean): Promise<void> {
    const byServer = grouped(ids, this.#serverOf);
    const lives: LeaseAnswers = new Map();
    const unread: string[] = [];
    const check = async (batch: readonly string[]): Promise<boolean> => {
      const missed = await this.#check(batch, register, lives);
      unread.push(...missed);
      return missed.length === 0 && !this.#isClosed;
    };
    const reads = [...byServer.values()].map(async (group) => {
      unread.push(...(await paced(group, this.#sweepMs * LONGEST_SWEEP, group.length / ids.length, check)));
    });
    await Promise.all(reads);
    if (unread.length > 0) this.#retryLater(unread, register);
    else if (this.#unread === undefined) this.#retryMs = RETRY_MS;
  }

  /** Returns the sessions whose server did not answer. Reports one error per batch. */
  async #check(batch: readonly string[], register: boolean, lives: LeaseAnswers): Promise<readonly string[]> {
    const checks = await Promise.allSettled(batch.map((id) => this.#recheck.check(id, register, lives)));
    const failed = checks.find((check) => check.status === "rejected");
    if (failed !== undefined) this.#host.onError(failed.reason);
    return batch.filter((_, index) => {
      const check = checks[index];
      return check?.status === "rejected" && isSessionError(check.reason, "STORE_UNAVAILABLE");
    });
  }

  /** Schedules a retry with exponential backoff, because a shard of a Cluster may be down for long. */
  #retryLater(ids: readonly string[], register: boolean): void {
    const before = this.#unread;
    this.#forgetUnread();
    if (this.#isClosed) return;
    const timer = setTimeout(() => {
      const { ids: unread = [], register: registers = false } = this.#unread ?? {};
      this.#unread = undefined;
      const held = unread.filter((id) => this.#host.held(id) !== undefined);
      void this.#read(held, registers);
    }, this.#retryMs);
    timer.unref();
    const all = [...new Set([...(before?.ids ?? []), ...ids])];
    this.#unread = { timer, ids: all, register: register || before?.register === true };
    this.#retryMs = Math.min(2 * this.#retryMs, this.#sweepMs);
  }

  #forgetUnread(): void {
    clearTimeout(this.#unread?.timer);
    this.#unread = undefined;
  }
}

/**
 * The partial sweep that reads a session. A hash (FNV-1a) spreads the sessions evenly, because an application
 * may choose ids with equal endings.
 */
function turnOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % CALM_SHARE;
}

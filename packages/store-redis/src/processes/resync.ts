import { setTimeout as delay } from "node:timers/promises";
import { isSessionError } from "@wsession/core";
import type { StoreHost } from "@wsession/core";
import type { HeldCounts } from "./held-counts.ts";
import type { LeaseAnswers } from "./orphans.ts";
import { paced } from "../base/pace.ts";
import type { Recheck } from "./recheck.ts";

const RETRY_MS = 500;
/** While nothing says that an announcement was lost, one sweep in so many looks at a session. */
const CALM_SHARE = 10;
/** How long a process that is one of many waits before it reads all that it holds: by sessions, and at most. */
const JITTER_PER_SESSION_MS = 1;
const JITTER_MS = 1_000;

export interface ResyncSources {
  /** Since when everything that was published to this process was heard; `undefined`: it may be missing something now. */
  readonly unbrokenSince: () => number | undefined;
  /** The server that a session is on, by any name: one that does not answer keeps no session of another from being read. */
  readonly serverOf: (id: string) => string;
}

/**
 * Reads again what this process holds, since an announcement is a hint and may be lost: after the subscription was cut,
 * after the lease lapsed, and on a sweep. While the subscription is proved to hear, and no connection was made anew, a sweep
 * reads a tenth.
 */
export class Resync {
  readonly #recheck: Recheck;
  readonly #host: StoreHost;
  readonly #heldCounts: HeldCounts;
  readonly #sweepMs: number;
  readonly #sources: ResyncSources;
  #timer: NodeJS.Timeout | undefined;
  #sweeps = 0;
  #running = false;
  /** When the last reading of everything began. */
  #readSince = Number.NEGATIVE_INFINITY;
  /** When it was last said that announcements or holders may be lost. */
  #doubtedAt = Number.NEGATIVE_INFINITY;
  /** Asked for while one was running: it may have passed what was missed. */
  #again: { register: boolean } | undefined;
  /** Sessions whose server could not be asked: what was missed is missed still. */
  #unread:
    | { readonly timer: NodeJS.Timeout; readonly ids: readonly string[]; readonly register: boolean }
    | undefined;
  #retryMs = RETRY_MS;
  #closed = false;

  constructor(
    recheck: Recheck,
    host: StoreHost,
    heldCounts: HeldCounts,
    sweepMs: number,
    sources: ResyncSources,
  ) {
    this.#recheck = recheck;
    this.#host = host;
    this.#heldCounts = heldCounts;
    this.#sweepMs = sweepMs;
    this.#sources = sources;
  }

  /** Sweeps at odd times, so that processes that started together don't sweep together; never later than `sweepMs`. */
  open(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(
      () => {
        this.#heldCounts.repair();
        void this.#sweep().then(() => this.open());
      },
      this.#sweepMs * (0.5 + Math.random() / 2),
    );
    this.#timer.unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#unread?.timer);
  }

  /** Something may be lost, now or since a moment ago: the next sweep reads everything. */
  doubt(): void {
    this.#doubtedAt = performance.now();
  }

  /**
   * Reads everything. Holders are registered again where Redis does not list them, with `register` all of them. Never rejects:
   * what fails is reported; what could not be asked is asked again soon.
   */
  async run(register: boolean): Promise<void> {
    this.doubt();
    if (this.#running) {
      this.#again = { register: register || this.#again?.register === true };
      return;
    }
    this.#running = true;
    const registers = register || this.#unread?.register === true;
    await this.#jitter();
    this.#forgetUnread();
    this.#readSince = performance.now();
    if (!this.#closed) await this.#read([...this.#host.heldIds()], registers);
    this.#running = false;
    const again = this.#again;
    this.#again = undefined;
    if (again !== undefined && !this.#closed) await this.run(again.register);
  }

  async #sweep(): Promise<void> {
    if (this.#running) return;
    this.#sweeps += 1;
    if (!this.#isCalm()) return this.run(false);
    const turn = this.#sweeps % CALM_SHARE;
    const ids = [...this.#host.heldIds()].filter((id) => turnOf(id) === turn);
    await this.#read(ids, false);
  }

  /** Whether all that is held was read since anything can have been lost. */
  #isCalm(): boolean {
    const since = this.#sources.unbrokenSince();
    return since !== undefined && since <= this.#readSince && this.#doubtedAt <= this.#readSince;
  }

  async #jitter(): Promise<void> {
    const held = [...this.#host.heldIds()].length;
    const most = Math.min(JITTER_MS, JITTER_PER_SESSION_MS * held);
    if (most > 1) await delay(Math.random() * most, undefined, { ref: false });
  }

  /** Each server on its own: the sessions of one that does not answer are tried again later, the others' are read now. */
  async #read(ids: readonly string[], register: boolean): Promise<void> {
    const byServer = new Map<string, string[]>();
    for (const id of ids) {
      const server = this.#sources.serverOf(id);
      const there = byServer.get(server);
      if (there === undefined) byServer.set(server, [id]);
      else there.push(id);
    }
    const lives: LeaseAnswers = new Map();
    const unread: string[] = [];
    const check = async (batch: readonly string[]): Promise<boolean> => {
      const missed = await this.#check(batch, register, lives);
      unread.push(...missed);
      return missed.length === 0 && !this.#closed;
    };
    const reads = [...byServer.values()].map(async (there) => {
      unread.push(...(await paced(there, this.#sweepMs / 2, there.length / ids.length, check)));
    });
    await Promise.all(reads);
    if (unread.length > 0) this.#retryLater(unread, register);
    else if (this.#unread === undefined) this.#retryMs = RETRY_MS;
  }

  /** Returns those that could not be asked for. One report is enough for a batch. */
  async #check(batch: readonly string[], register: boolean, lives: LeaseAnswers): Promise<readonly string[]> {
    const checks = await Promise.allSettled(batch.map((id) => this.#recheck.check(id, register, lives)));
    const failed = checks.find((check) => check.status === "rejected");
    if (failed !== undefined) this.#host.onError(failed.reason);
    return batch.filter((_, index) => {
      const check = checks[index];
      return check?.status === "rejected" && isSessionError(check.reason, "STORE_UNAVAILABLE");
    });
  }

  /** Less often with each failure, since a shard of a Cluster may be away for long. */
  #retryLater(ids: readonly string[], register: boolean): void {
    const before = this.#unread;
    this.#forgetUnread();
    if (this.#closed) return;
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

/** Which sweep of those that read a part looks at a session: FNV-1a, since an application may choose ids that end alike. */
function turnOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % CALM_SHARE;
}

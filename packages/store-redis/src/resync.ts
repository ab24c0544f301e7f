import { isSessionError } from "@wsession/core";
import type { HeldSession, StoredSession, StoreHost } from "@wsession/core";
import type { Calls } from "./calls.ts";
import type { Holdings } from "./holdings.ts";
import type { Keys } from "./keys.ts";
import type { Liveness } from "./liveness.ts";
import { type Lives, Orphans } from "./orphans.ts";
import { parseHolders, parseMetadata } from "./record.ts";
import { readHold, readLoad } from "./replies.ts";

const AT_ONCE = 128;
const RETRY_MS = 500;

/**
 * Reads again what this process holds, since an announcement is a hint and may be lost: after the subscription was cut,
 * after the lease lapsed, and on a sweep. Costs a read of the metadata and the holders per held session, a question for
 * each other process, and more only where something differs.
 */
export class Resync {
  readonly #calls: Calls;
  readonly #keys: Keys;
  readonly #host: StoreHost;
  readonly #holdings: Holdings;
  readonly #orphans: Orphans;
  /** As one run has found it. */
  #lives: Lives = new Map();
  readonly #sweepMs: number;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  /** Asked for while one was running: it may have passed what was missed. */
  #again: { register: boolean } | undefined;
  /** Redis could not be asked: what was missed is missed still. */
  #retry: { readonly timer: NodeJS.Timeout; readonly register: boolean } | undefined;
  #closed = false;

  constructor(
    calls: Calls,
    keys: Keys,
    host: StoreHost,
    holdings: Holdings,
    liveness: Liveness,
    sweepMs: number,
  ) {
    this.#calls = calls;
    this.#keys = keys;
    this.#host = host;
    this.#holdings = holdings;
    this.#orphans = new Orphans(calls, keys, liveness);
    this.#sweepMs = sweepMs;
  }

  /** Sweeps at odd times, so that processes that started together don't sweep together; never later than `sweepMs`. */
  open(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(
      () => {
        this.#holdings.repair();
        void this.run(false).then(() => this.open());
      },
      this.#sweepMs * (0.5 + Math.random() / 2),
    );
    this.#timer.unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#retry?.timer);
  }

  /**
   * Holders are registered again where Redis does not list them, with `register` all of them. Never rejects: what fails is
   * reported, and swept next time; all is done again soon where Redis could not be asked.
   */
  async run(register: boolean): Promise<void> {
    if (this.#running) {
      this.#again = { register: register || this.#again?.register === true };
      return;
    }
    this.#running = true;
    const registers = register || this.#retry?.register === true;
    clearTimeout(this.#retry?.timer);
    this.#retry = undefined;
    this.#lives = new Map();
    try {
      const ids = [...this.#host.heldIds()];
      for (let first = 0; first < ids.length && !this.#closed; first += AT_ONCE) {
        const checks = ids.slice(first, first + AT_ONCE).map((id) => this.#check(id, registers));
        // One that can't be read keeps none of the others from being checked; one report is enough for a batch.
        const failed = (await Promise.allSettled(checks)).filter((check) => check.status === "rejected");
        if (failed[0] !== undefined) this.#host.onError(failed[0].reason);
        if (failed.some(({ reason }) => isSessionError(reason, "STORE_UNAVAILABLE"))) {
          this.#retryLater(registers);
          break;
        }
      }
    } catch (error) {
      this.#host.onError(error);
    }
    this.#running = false;
    const again = this.#again;
    this.#again = undefined;
    if (again !== undefined && !this.#closed) await this.run(again.register);
  }

  #retryLater(register: boolean): void {
    if (this.#closed) return;
    const timer = setTimeout(() => void this.run(register), RETRY_MS);
    timer.unref();
    this.#retry = { timer, register };
  }

  async #check(id: string, register: boolean): Promise<void> {
    const metadata = await this.#metadata(id, register);
    const held = this.#host.held(id);
    if (held === undefined || isCurrent(held, metadata, this.#calls.serverNow())) return;
    const found = readLoad(await this.#calls.script("load", [this.#keys.session(id)], []));
    const still = this.#host.held(id);
    if (still === undefined) return;
    if (found.type === "session") this.#tell(id, still, found.session, isLoss(held, still, found.session));
    else
      this.#host.notify(
        found.type === "missing" ? { type: "expired", id } : { type: "destroyed", id, reason: found.reason },
      );
  }

  /** `undefined`: it has to be loaded to know. */
  async #metadata(id: string, register: boolean): Promise<unknown> {
    if (!register) {
      const found = await this.#calls.command("hmget", [this.#keys.session(id), "m", "h"]);
      const [metadata, listed]: readonly unknown[] = Array.isArray(found) ? found : [];
      const holders = parseHolders(listed);
      await this.#orphans.sweep(id, holders, this.#lives);
      if (typeof metadata !== "string" || this.#holdings.isListed(holders)) return metadata;
    }
    const reply = await this.#holdings.register(id);
    if (reply === undefined) return this.#calls.command("hget", [this.#keys.session(id), "m"]);
    const hold = readHold(reply);
    return hold.type === "held" ? hold.metadata : undefined;
  }

  /** `behind`: the store lost changes that this process had heard of before it asked. */
  #tell(id: string, held: HeldSession, session: StoredSession, behind: boolean): void {
    if (session.fence > held.fence) this.#host.notify({ type: "replaced", id, fence: session.fence });
    if (behind || session.version > held.version) this.#host.notify({ type: "loaded", id, session, behind });
  }
}

function isCurrent(held: HeldSession, text: unknown, now: number | undefined): boolean {
  if (typeof text !== "string" || now === undefined) return false;
  const { version, lineage, fence, idleAt, absoluteAt } = parseMetadata(text);
  return (
    version === held.version &&
    lineage === held.lineage &&
    fence <= held.fence &&
    idleAt > now &&
    absoluteAt > now
  );
}

/** Whether what was held as the session was asked for, and is held still, is of a history that the store has lost. */
function isLoss(asked: HeldSession, held: HeldSession, stored: StoredSession): boolean {
  if (asked.version !== held.version || asked.lineage !== held.lineage) return false;
  return (
    stored.version < held.version || (stored.version === held.version && stored.lineage !== held.lineage)
  );
}

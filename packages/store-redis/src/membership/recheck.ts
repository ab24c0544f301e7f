import type { HeldSession, Position, StoredSession, StoreEvent, StoreHost } from "@wsession/core";
import type { RedisCounters } from "../base/diagnostics.ts";
import type { Calls } from "../connection/calls.ts";
import { load } from "../commands/load.ts";
import type { Missing } from "../commands/reply.ts";
import type { HeldCounts } from "../holders/held-counts.ts";
import type { Keys } from "../base/keys.ts";
import { type LeaseAnswers, Orphans } from "../holders/orphans.ts";
import { parseHolders, parseMetadata, parseOutbox } from "../base/record.ts";
import type { Services } from "../holders/services.ts";

/** Milliseconds. Two computations of one deadline may differ by this much, because the clocks of processes and servers differ. */
const DEADLINE_TOLERANCE_MS = 1_000;

/**
 * Rereads one session that this process holds. This costs a read of the metadata and the holders, one lease
 * check per other process, and a full load only if something differs.
 */
export class Recheck {
  readonly #calls: Calls;
  readonly #keys: Keys;
  readonly #counters: RedisCounters;
  readonly #host: StoreHost;
  readonly #heldCounts: HeldCounts;
  readonly #orphans: Orphans;

  constructor(services: Services, host: StoreHost, heldCounts: HeldCounts) {
    this.#calls = services.calls;
    this.#keys = services.keys;
    this.#counters = services.counters;
    this.#host = host;
    this.#heldCounts = heldCounts;
    this.#orphans = new Orphans(services);
  }

  /**
   * Rereads a session. `lives` caches lease checks. `register`: whether to register this process as a holder
   * even if Redis lists it.
   */
  async check(id: string, register: boolean, lives: LeaseAnswers): Promise<void> {
    const asked = this.#host.held(id)?.outbox;
    this.#counters.sweptSessions += 1;
    const { metadata, outbox } = await this.#read(id, register, lives);
    const held = this.#host.held(id);
    if (held === undefined) return;
    if (typeof metadata === "string") this.#notifyOutbox(id, asked, held.outbox, parseOutbox(outbox));
    if (isCurrent(held, metadata, this.#calls.serverNow())) return;
    const found = await load({ calls: this.#calls, keys: this.#keys }, id);
    const still = this.#host.held(id);
    if (still === undefined) return;
    if (found.type === "session") {
      this.#notify(id, still, found.session, isLoss(held, still, found.session));
      const { idleInMs, absoluteInMs, own } = found.session;
      this.#host.notify({ type: "extended", id, idleInMs, absoluteInMs, own });
    } else {
      this.#counters.sweepFindings += 1;
      this.#host.notify(endOf(id, found));
    }
  }

  /** Reads the fields of the hash. If `metadata` is not a string, the session has to be loaded. */
  async #read(id: string, register: boolean, lives: LeaseAnswers): Promise<HashFields> {
    if (!register) {
      const found = await this.#calls.command("hmget", [this.#keys.session(id), "m", "h", "o"]);
      const [metadata, listed, outbox]: readonly unknown[] = Array.isArray(found) ? found : [];
      const holders = parseHolders(listed);
      // Runs in the background, because the lease checks may go to servers that do not answer.
      this.#orphans.sweep(id, holders, lives).catch(() => undefined);
      if (typeof metadata !== "string" || this.#heldCounts.isListed(holders)) return { metadata, outbox };
    }
    const hold = await this.#heldCounts.register(id);
    if (hold === undefined) {
      const found = await this.#calls.command("hmget", [this.#keys.session(id), "m", "o"]);
      const [metadata, outbox]: readonly unknown[] = Array.isArray(found) ? found : [];
      return { metadata, outbox };
    }
    return hold.type === "held" ? hold : { metadata: undefined, outbox: undefined };
  }

  /** Compares chains, because after a failover the same offset may belong to another message (I19). */
  #notifyOutbox(
    id: string,
    asked: Position = BEGINNING,
    held: Position = BEGINNING,
    end: Position = BEGINNING,
  ): void {
    // If an announcement arrived since the request, it may be newer than the answer, unless the answer has a higher offset.
    const isNews = end.offset > held.offset || isSamePosition(asked, held);
    if (!isNews || isSamePosition(held, end)) return;
    this.#counters.sweepFindings += 1;
    this.#host.notify({ type: "appended", id, end });
  }

  /** `isBehind`: the store has lost changes that this process had before the request. */
  #notify(id: string, held: HeldSession, session: StoredSession, isBehind: boolean): void {
    if (session.fence > held.fence) this.#host.notify({ type: "replaced", id, fence: session.fence });
    if (!isBehind && session.version <= held.version) return;
    this.#counters.sweepFindings += 1;
    this.#host.notify({ type: "loaded", id, session, behind: isBehind });
  }
}

interface HashFields {
  readonly metadata: unknown;
  readonly outbox: unknown;
}

const BEGINNING: Position = { offset: 0, chain: 0 };

function isSamePosition(one: Position, other: Position): boolean {
  return one.offset === other.offset && one.chain === other.chain;
}

function isCurrent(held: HeldSession, text: unknown, now: number | undefined): boolean {
  if (typeof text !== "string" || now === undefined) return false;
  const { version, lineage, fence, idleAt, absoluteAt, own } = parseMetadata(text);
  return (
    version === held.version &&
    lineage === held.lineage &&
    fence <= held.fence &&
    idleAt > now &&
    absoluteAt > now &&
    // The idle deadline is not compared, because each touch moves it, and a process reads the session before it ends it.
    isNear(absoluteAt - now, held.absoluteInMs) &&
    own?.idleMs === held.own?.idleMs &&
    own?.absoluteMs === held.own?.absoluteMs
  );
}

/** Whether two times to a deadline are the same, apart from the difference of the clocks. */
function isNear(one: number, other: number): boolean {
  return one === other || Math.abs(one - other) <= DEADLINE_TOLERANCE_MS;
}

/**
 * Whether the held version, unchanged since the request was sent, belongs to a history that the store has lost.
 */
function isLoss(asked: HeldSession, held: HeldSession, stored: StoredSession): boolean {
  if (asked.version !== held.version || asked.lineage !== held.lineage) return false;
  return (
    stored.version < held.version || (stored.version === held.version && stored.lineage !== held.lineage)
  );
}

/** The event of a held session that Redis does not have. Without a tombstone the session has expired or was lost. */
export function endOf(id: string, { destroyed }: Missing): StoreEvent {
  return destroyed === undefined ? { type: "expired", id } : { type: "destroyed", id, ...destroyed };
}

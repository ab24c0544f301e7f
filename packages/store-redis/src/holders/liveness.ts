/** Whether other processes are alive. */
import type { Calls, Reply } from "../connection/calls.ts";

/** A process that was found without a lease. */
interface MissingLease {
  /** When the lease was first found missing, with no contrary result since. */
  readonly since: number;
  lookedAt: number;
  timer: NodeJS.Timeout | undefined;
  /** A second check, at least one lease later, had the same result. */
  isDead: boolean;
}

/**
 * A dead process is removed here if no check has named it for this many leases, because then no session lists it any more.
 */
const FORGOTTEN_AFTER = 100;

/**
 * Finds out whether other processes are alive. A process without a lease immediately stops counting as present. It counts as dead,
 * so that its connections are removed from sessions, only if a second check one lease later has the same result. Otherwise a
 * failover or a full memory that removes the lease of a live process would get that process removed before it can set the lease
 * again. A process never checks itself.
 */
export class Liveness {
  readonly #calls: Pick<Calls, "command">;
  readonly #keysOf: (node: string) => readonly string[];
  readonly #node: string;
  readonly #leaseMs: number;
  readonly #onDeath: () => void;
  readonly #withoutLease = new Map<string, MissingLease>();
  #isClosed = false;

  /**
   * `keysOf` returns the keys of a process's lease. `onDeath` is called when a process turns out to be dead;
   * sessions may still list it.
   */
  constructor(
    calls: Pick<Calls, "command">,
    keysOf: (node: string) => readonly string[],
    node: string,
    leaseMs: number,
    onDeath: () => void,
  ) {
    this.#calls = calls;
    this.#keysOf = keysOf;
    this.#node = node;
    this.#leaseMs = leaseMs;
    this.#onDeath = onDeath;
  }

  /** Checks whether the process has a lease. Rejects if no server of its keys answers. */
  async look(node: string): Promise<boolean> {
    if (node === this.#node) return true;
    const askedAt = performance.now();
    const lives = await this.#ask(node);
    if (lives) this.#leaseFound(node);
    else this.#leaseMissing(node, askedAt);
    return lives;
  }

  /** Whether two checks, one lease apart, found no lease. Sends nothing. */
  isDead(node: string): boolean {
    return this.#withoutLease.get(node)?.isDead === true;
  }

  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#withoutLease.values()) clearTimeout(timer);
    this.#withoutLease.clear();
  }

  /** Any existing key is enough. The lease is missing only if none of the servers that answer has one. */
  async #ask(node: string): Promise<boolean> {
    const answers = this.#keysOf(node).map((key) => this.#calls.command("exists", [key]));
    const found = answers.map(async (answer) => {
      if (!isOne(await answer)) throw new Error("the process has no lease on this node");
    });
    try {
      await Promise.any(found);
      return true;
    } catch {
      const settled = await Promise.allSettled(answers);
      const failures = settled.filter((answer) => answer.status === "rejected");
      if (failures[0] !== undefined && failures.length === settled.length) throw failures[0].reason;
      return false;
    }
  }

  #leaseFound(node: string): void {
    clearTimeout(this.#withoutLease.get(node)?.timer);
    this.#withoutLease.delete(node);
  }

  #leaseMissing(node: string, askedAt: number): void {
    if (this.#isClosed) return;
    const known = this.#withoutLease.get(node);
    if (known === undefined) {
      this.#forgetOld(askedAt);
      const timer = setTimeout(() => this.#lookAgain(node), this.#leaseMs + 1);
      timer.unref();
      this.#withoutLease.set(node, { since: askedAt, lookedAt: askedAt, timer, isDead: false });
      return;
    }
    known.lookedAt = askedAt;
    if (known.isDead || askedAt < known.since + this.#leaseMs) return;
    clearTimeout(known.timer);
    known.isDead = true;
    this.#onDeath();
  }

  #lookAgain(node: string): void {
    this.look(node).catch(() => {
      // The check failed. The first result is now too old to be combined with a later one.
      this.#leaseFound(node);
    });
  }

  #forgetOld(now: number): void {
    for (const [node, { isDead, lookedAt }] of this.#withoutLease)
      if (isDead && lookedAt < now - FORGOTTEN_AFTER * this.#leaseMs) this.#withoutLease.delete(node);
  }
}

function isOne(reply: Reply): boolean {
  return Number(reply) === 1;
}

import type { Calls, Reply } from "../connection/calls.ts";

/** A process that was found without a lease. */
interface Suspect {
  /** When it was found so first, with no other finding since. */
  readonly since: number;
  lookedAt: number;
  timer: NodeJS.Timeout | undefined;
  /** A second look, a lease later, found the same. */
  isDead: boolean;
}

/** Nobody asks about a dead process for so many leases: it is listed nowhere any more. */
const FORGOTTEN_AFTER = 100;

/**
 * Whether other processes live. One without a lease does not count as present; it counts as dead, so that its holdings may be
 * taken away, only if a second look finds the same a lease later: a failover or a full memory can take the lease of a
 * process that lives, which then has time to set it again. About itself a process never asks.
 */
export class Liveness {
  readonly #calls: Pick<Calls, "command">;
  readonly #keysOf: (node: string) => readonly string[];
  readonly #node: string;
  readonly #leaseMs: number;
  readonly #onDeath: () => void;
  readonly #suspects = new Map<string, Suspect>();
  #closed = false;

  /** `keysOf`: the keys of a process's lease. `onDeath`: a process is known to be dead, and may be listed anywhere. */
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

  /** Whether the process has a lease. Rejects where no server that could tell answers. */
  async look(node: string): Promise<boolean> {
    if (node === this.#node) return true;
    const askedAt = performance.now();
    const lives = await this.#ask(node);
    if (lives) this.#acquit(node);
    else this.#suspect(node, askedAt);
    return lives;
  }

  /** Whether two looks, a lease apart, found it without a lease. Asks nothing. */
  isDead(node: string): boolean {
    return this.#suspects.get(node)?.isDead === true;
  }

  close(): void {
    this.#closed = true;
    for (const { timer } of this.#suspects.values()) clearTimeout(timer);
    this.#suspects.clear();
  }

  /** One key that is there is enough. It is not there only if no server that answers has one. */
  async #ask(node: string): Promise<boolean> {
    const answers = this.#keysOf(node).map((key) => this.#calls.command("exists", [key]));
    const found = answers.map(async (answer) => {
      if (!isOne(await answer)) throw new Error("no lease there");
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

  #acquit(node: string): void {
    clearTimeout(this.#suspects.get(node)?.timer);
    this.#suspects.delete(node);
  }

  #suspect(node: string, askedAt: number): void {
    if (this.#closed) return;
    const suspect = this.#suspects.get(node);
    if (suspect === undefined) {
      this.#forgetOld(askedAt);
      const timer = setTimeout(() => this.#lookAgain(node), this.#leaseMs + 1);
      timer.unref();
      this.#suspects.set(node, { since: askedAt, lookedAt: askedAt, timer, isDead: false });
      return;
    }
    suspect.lookedAt = askedAt;
    if (suspect.isDead || askedAt < suspect.since + this.#leaseMs) return;
    clearTimeout(suspect.timer);
    suspect.isDead = true;
    this.#onDeath();
  }

  #lookAgain(node: string): void {
    this.look(node).catch(() => {
      // Nothing was found out. The first look is too old to count beside a later one.
      this.#acquit(node);
    });
  }

  #forgetOld(now: number): void {
    for (const [node, { isDead, lookedAt }] of this.#suspects)
      if (isDead && lookedAt < now - FORGOTTEN_AFTER * this.#leaseMs) this.#suspects.delete(node);
  }
}

function isOne(reply: Reply): boolean {
  return Number(reply) === 1;
}

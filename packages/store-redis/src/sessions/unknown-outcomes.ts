import { isSessionError } from "@wsession/core";
import { setTimeout as wait } from "node:timers/promises";
import type { Caller } from "../commands/caller.ts";
import { load } from "../commands/load.ts";
import { settle } from "../commands/settle.ts";
import { beforehand } from "../base/failures.ts";

/** What became of a change that was rejected with `outcome: "unknown"`. */
export type WriteOutcome = "applied" | "not-applied" | "unknown";

interface Ticket {
  readonly kind: "write" | "create" | "destroy";
  readonly id: string;
  readonly sequence: number;
  /** By our clock: not applied after it. */
  readonly deadline: number;
  outcome: Exclude<WriteOutcome, "unknown"> | undefined;
}

/** Records of writes are kept for a minute past their not-after; a little less is relied on. */
const REMEMBERED_MS = 50_000;

/**
 * Changes whose answer did not come. A write that is asked about is settled: if it was not applied it never will be, so that
 * the answer is certain at once. The next write of the same session settles the one before it first, while it can be told.
 */
export class Unsettled {
  readonly #caller: Caller;
  readonly #tickets = new WeakMap<Error, Ticket>();
  /** The last one of each session; gone with the next write, or once it is too old to tell. */
  readonly #open = new Map<string, Ticket>();

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** For the caller to throw on; keeps what is needed to ask about it if its outcome is unknown. */
  remember(error: unknown, kind: Ticket["kind"], id: string, sequence: number, deadline: number): unknown {
    if (isSessionError(error) && error.outcome === "unknown") {
      const ticket: Ticket = { kind, id, sequence, deadline, outcome: undefined };
      this.#tickets.set(error, ticket);
      if (kind === "write") {
        this.#forgetOld();
        this.#open.set(id, ticket);
      }
    }
    return error;
  }

  /** Before another write of the session is sent: it would hide what became of the last one. */
  before(id: string, deadline: number): Promise<void> | undefined {
    if (this.#open.size === 0) return undefined;
    const ticket = this.#open.get(id);
    return ticket === undefined
      ? undefined
      : beforehand(this.#settle(ticket, deadline)).then(() => undefined);
  }

  async outcome(error: unknown): Promise<WriteOutcome> {
    const ticket = this.#find(error);
    if (ticket === undefined)
      return isSessionError(error) && error.outcome === "not-applied" ? "not-applied" : "unknown";
    if (ticket.outcome !== undefined) return ticket.outcome;
    return ticket.kind === "write" ? this.#settle(ticket, this.#caller.calls.deadline()) : this.#look(ticket);
  }

  #find(error: unknown): Ticket | undefined {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      const ticket = this.#tickets.get(cause);
      if (ticket !== undefined) return ticket;
    }
    return undefined;
  }

  async #settle(ticket: Ticket, deadline: number): Promise<WriteOutcome> {
    const { id, sequence } = ticket;
    const isTooOld = performance.now() > ticket.deadline + REMEMBERED_MS;
    const outcome = await settle(this.#caller, { id, sequence, isTooOld, deadline });
    ticket.outcome ??= outcome;
    if (this.#open.get(ticket.id) === ticket) this.#open.delete(ticket.id);
    return outcome ?? "unknown";
  }

  /** Whether the session is there tells it, once it is too late for the change to come. */
  async #look(ticket: Ticket): Promise<WriteOutcome> {
    const left = ticket.deadline - performance.now();
    if (left >= 0) await wait(left + 1);
    const found = await load(this.#caller, ticket.id);
    if (ticket.kind === "destroy") ticket.outcome = found.type === "session" ? "not-applied" : "applied";
    else if (found.type === "session") ticket.outcome = "applied";
    else if (found.type === "missing") ticket.outcome = "not-applied";
    return ticket.outcome ?? "unknown";
  }

  #forgetOld(): void {
    const now = performance.now();
    for (const [id, ticket] of this.#open) {
      if (now <= ticket.deadline + REMEMBERED_MS) break;
      this.#open.delete(id);
    }
  }
}

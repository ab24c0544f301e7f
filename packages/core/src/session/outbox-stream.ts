import type { Position } from "@wsession/protocol";
import type { ErrorContext } from "../api/options.ts";
import type { Ending } from "../base/endings.ts";
import { asStoreError } from "../base/errors.ts";
import type { SessionStore } from "../store/contract.ts";
import { after, BEGINNING, endOf, isSame } from "./kept-run.ts";
import type { KeptRun } from "./kept-run.ts";
import type { StoreCalls } from "./store-calls.ts";

/** How long what is missing may be on its way: the answer to an append overtakes another process's announcement, and back. */
const GAP_MS = 20;
/** Bytes of messages in one answer of the store. */
export const PAGE_BYTES: number = 64 * 1024;
/** Announcements that came too early and wait for those before them; beyond it the store is read in any case. */
const MAX_EARLY = 64;

/** A session, as its outbox sees it. */
export interface OutboxSession {
  readonly id: string;
  readonly gone: boolean;
  readonly connectionCount: number;
  connections(): Iterable<{ onKept(run: KeptRun, isAgain: boolean): void }>;
  endSession(ending: Ending): number;
}

export interface OutboxContext {
  readonly store: Pick<SessionStore, "read">;
  /** A call of the store is under way, which shutdown waits for. */
  readonly calls: Pick<StoreCalls, "begin" | "end">;
  report(error: unknown, context: ErrorContext): void;
}

/**
 * What is kept for one session, in the order of its offsets, as this process hears of it: by the answers to its own appends and by
 * the announcements of others, which overtake one another. Only what follows on the last one is handed on, and a gap that stays is
 * read from the store, so that all connections get one order (I15), and a history that the store lost is noticed (I19).
 */
export class OutboxStream {
  readonly #context: OutboxContext;
  readonly #session: OutboxSession;
  #end: Position = BEGINNING;
  #early: KeptRun[] = [];
  /** Where the outbox ends, as somebody said who did not say what lies between. */
  #said: Position | undefined;
  #isDoubtful = false;
  #isReading = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: OutboxContext, session: OutboxSession) {
    this.#context = context;
    this.#session = session;
  }

  /** Up to where it was heard of. */
  get end(): Position {
    return this.#end;
  }

  /** An answer about the session says where the outbox ended. The answer may be older than what was heard meanwhile. */
  learn(end: Position): void {
    if (!this.#isHeard) this.#end = end;
    else if (end.offset > this.#end.offset) this.#hear(end);
  }

  /** The store says that the outbox ends there, and not here. */
  doubt(end: Position): void {
    if (!this.#isHeard) this.#end = end;
    else if (!isSame(end, this.#end)) this.#hear(end);
  }

  /** An append may have happened, or not: the store knows. */
  unknown(): void {
    if (!this.#isHeard) return;
    this.#isDoubtful = true;
    this.#wait();
  }

  take(run: KeptRun): void {
    if (!this.#isHeard) {
      this.#end = endOf(run);
      return;
    }
    this.#early.push(run);
    this.#advance();
  }

  get #isHeard(): boolean {
    return this.#session.connectionCount > 0 && !this.#session.gone;
  }

  #hear(end: Position): void {
    this.#said = end;
    this.#wait();
  }

  /** Hands on what follows, and keeps what does not. */
  #advance(): void {
    for (let index = 0; index < this.#early.length;) {
      const run = this.#early[index];
      const next = run === undefined ? "gap" : after(this.#end, run);
      if (next === "gap") {
        index += 1;
        continue;
      }
      this.#early.splice(index, 1);
      if (next === "other") this.#isDoubtful = true;
      else if (next.entries.length > 0) {
        this.#handOn(next);
        index = 0;
      }
    }
    if (this.#isDoubtful || this.#early.length > 0) this.#wait();
  }

  #handOn(run: KeptRun, isAgain: boolean = false): void {
    this.#end = endOf(run);
    for (const connection of this.#session.connections()) connection.onKept(run, isAgain);
  }

  #wait(): void {
    if (this.#early.length > MAX_EARLY) this.#early.length = 0;
    if (this.#timer !== undefined || this.#isReading) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#lookAgain();
    }, GAP_MS);
    this.#timer.unref();
  }

  #lookAgain(): void {
    const isSaid = this.#said === undefined || isSame(this.#said, this.#end);
    if (isSaid && this.#early.length === 0 && !this.#isDoubtful) return;
    if (!this.#isHeard) {
      // Nobody is there to whom the messages between would go.
      this.#end = this.#said ?? this.#end;
      this.#forget();
    } else void this.#read();
  }

  #forget(): void {
    this.#said = undefined;
    this.#early = [];
    this.#isDoubtful = false;
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    this.#forget();
    this.#context.calls.begin();
    try {
      while (this.#isHeard && (await this.#readPage()));
    } catch (error) {
      // The next message, or the store's sweep, leads here again.
      this.#context.report(asStoreError(error), { stage: "store", sessionId: this.#session.id });
    }
    this.#isReading = false;
    this.#context.calls.end();
    this.#advance();
    if (this.#said !== undefined) this.#wait();
  }

  /** Whether there is more. */
  async #readPage(): Promise<boolean> {
    const { id } = this.#session;
    const request = { id, from: this.#end, witness: undefined, maxBytes: PAGE_BYTES };
    const result = await this.#context.store.read?.(request);
    if (result === undefined) return false;
    if (result.type === "missing") {
      this.#session.endSession({ code: 4410, reason: "session gone" });
      return false;
    }
    // A connection that stands where `#end` was learns of the loss as it finds that this does not follow.
    if (result.missed !== undefined) this.#end = result.start;
    const next = after(this.#end, { before: result.start, entries: result.entries });
    if (next === "gap" || next === "other") return true;
    const isAgain = result.missed !== undefined;
    if (next.entries.length > 0 || isAgain) this.#handOn(next, isAgain);
    return next.entries.length > 0 && this.#end.offset < result.end.offset;
  }
}

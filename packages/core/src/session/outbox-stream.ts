import type { Position } from "@wsession/protocol";
import type { ErrorContext } from "../api/error-context.ts";
import { GONE, type Ending } from "../base/endings.ts";
import { asStoreError } from "../base/errors.ts";
import type { SessionStore } from "../store/contract.ts";
import { remainderAfter, BEGINNING, endOf, isSamePosition } from "./kept-run.ts";
import type { KeptRun } from "./kept-run.ts";
import type { StoreCalls } from "./store-calls.ts";

/** Milliseconds to wait for missing entries, because announcements of other processes and replies of the store race. */
const GAP_MS = 20;
/** The bytes of messages that one read of the store may return. */
export const PAGE_BYTES: number = 64 * 1024;
/** The pauses before a read that failed is tried again, milliseconds: the first, doubled each time, and the longest. */
const RETRY_MS = 250;
const MAX_RETRY_MS = 8_000;
/** The most runs that wait for an earlier run. Above this the stream drops them, and reads the store. */
const MAX_OUT_OF_ORDER = 64;

/** The part of a session that its outbox stream uses. */
export interface OutboxSession {
  readonly id: string;
  readonly isGone: boolean;
  readonly connectionCount: number;
  connections(): Iterable<{ onKept(run: KeptRun, isAgain: boolean): void }>;
  endSession(ending: Ending): number;
}

export interface OutboxContext {
  readonly store: Pick<SessionStore, "read">;
  /** Marks the start of a call of the store, so that shutdown waits for the call. */
  readonly calls: Pick<StoreCalls, "begin" | "end">;
  report(error: unknown, context: ErrorContext): void;
}

/**
 * Puts the kept messages of one session into the order of their offsets. The messages arrive as replies to appends of this
 * process and as announcements of other processes, and the two race. The stream delivers an entry only if the entry directly
 * follows the last delivered one. If a gap remains, the stream reads the missing entries from the store. So all connections get
 * one order (I15), and a history that the store lost is detected (I19).
 */
export class OutboxStream {
  readonly #context: OutboxContext;
  readonly #session: OutboxSession;
  #end: Position = BEGINNING;
  #outOfOrder: KeptRun[] = [];
  /** An end of the outbox that was announced without the entries before it. */
  #announcedEnd: Position | undefined;
  #mustRead = false;
  #isReading = false;
  #timer: NodeJS.Timeout | undefined;
  /** Whether `#timer` is the pause after a failed read. */
  #isPausing = false;
  #retryMs = RETRY_MS;

  constructor(context: OutboxContext, session: OutboxSession) {
    this.#context = context;
    this.#session = session;
  }

  /** The position of the last entry that the stream delivered. */
  get end(): Position {
    return this.#end;
  }

  /** Takes the end of the outbox from a reply of the store. The reply may be older than the stream. */
  onReplyEnd(end: Position): void {
    if (!this.#hasConnections) this.#end = end;
    else if (end.offset > this.#end.offset) this.#setAnnouncedEnd(end);
  }

  /** The store reports an end of the outbox that contradicts the stream. */
  onReportedEnd(end: Position): void {
    if (!this.#hasConnections) this.#end = end;
    else if (!isSamePosition(end, this.#end)) this.#setAnnouncedEnd(end);
  }

  /** The entries up to `end` are those of a former subject of the session, and their announcement may still come. */
  skipTo(end: Position): void {
    if (end.offset <= this.#end.offset) return;
    this.#end = end;
    this.#advance();
  }

  /** The outcome of an append is unknown, so the stream has to read the store. */
  onUnknownAppend(): void {
    if (!this.#hasConnections) return;
    this.#mustRead = true;
    this.#scheduleRead();
  }

  /** Takes entries from a reply of the store, or from an announcement. */
  add(run: KeptRun): void {
    if (!this.#hasConnections) {
      this.#end = endOf(run);
      return;
    }
    // The common case: nothing waits, and the run directly follows.
    const next = this.#outOfOrder.length === 0 && !this.#mustRead ? remainderAfter(this.#end, run) : "gap";
    if (next !== "gap" && next !== "other" && next.entries.length > 0) return this.#deliver(next);
    this.#outOfOrder.push(run);
    this.#advance();
  }

  get #hasConnections(): boolean {
    return this.#session.connectionCount > 0 && !this.#session.isGone;
  }

  #setAnnouncedEnd(end: Position): void {
    this.#announcedEnd = end;
    this.#scheduleRead();
  }

  /** Delivers the entries that directly follow the end, and keeps the others for later. */
  #advance(): void {
    for (let index = 0; index < this.#outOfOrder.length;) {
      const run = this.#outOfOrder[index];
      const next = run === undefined ? "gap" : remainderAfter(this.#end, run);
      if (next === "gap") {
        index += 1;
        continue;
      }
      this.#outOfOrder.splice(index, 1);
      if (next === "other") this.#mustRead = true;
      else if (next.entries.length > 0) {
        this.#deliver(next);
        index = 0;
      }
    }
    if (this.#mustRead || this.#outOfOrder.length > 0) this.#scheduleRead();
  }

  #deliver(run: KeptRun, isAgain: boolean = false): void {
    this.#end = endOf(run);
    for (const connection of this.#session.connections()) connection.onKept(run, isAgain);
  }

  #scheduleRead(ms: number = GAP_MS): void {
    if (this.#outOfOrder.length > MAX_OUT_OF_ORDER) {
      this.#outOfOrder.length = 0;
      this.#mustRead = true;
    }
    if (this.#isReading) return;
    // A message that arrives during the pause after a failed read shortens the pause.
    if (this.#timer !== undefined && !this.#isPausing) return;
    clearTimeout(this.#timer);
    this.#isPausing = ms > GAP_MS;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#isPausing = false;
      this.#readIfIncomplete();
    }, ms);
    this.#timer.unref();
  }

  #readIfIncomplete(): void {
    const isAtAnnouncedEnd =
      this.#announcedEnd === undefined || isSamePosition(this.#announcedEnd, this.#end);
    if (isAtAnnouncedEnd && this.#outOfOrder.length === 0 && !this.#mustRead) return;
    if (!this.#hasConnections) {
      // The session has no connection here, so the entries before the announced end are not needed.
      this.#end = this.#announcedEnd ?? this.#end;
      this.#clearPending();
    } else void this.#read();
  }

  #clearPending(): void {
    this.#announcedEnd = undefined;
    this.#outOfOrder = [];
    this.#mustRead = false;
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    this.#clearPending();
    let pauseMs: number | undefined;
    this.#context.calls.begin();
    try {
      while (this.#hasConnections && (await this.#readPage()));
      this.#retryMs = RETRY_MS;
    } catch (error) {
      this.#context.report(asStoreError(error), { stage: "store", sessionId: this.#session.id });
      // This read dropped the entries that were announced before. Without another read the connections would miss them.
      this.#mustRead = true;
      pauseMs = this.#retryMs;
      this.#retryMs = Math.min(2 * pauseMs, MAX_RETRY_MS);
    }
    this.#isReading = false;
    this.#context.calls.end();
    if (pauseMs !== undefined) this.#scheduleRead(pauseMs);
    else {
      this.#advance();
      if (this.#announcedEnd !== undefined) this.#scheduleRead();
    }
  }

  /** Returns whether there is more to read. */
  async #readPage(): Promise<boolean> {
    const { id } = this.#session;
    const request = { id, from: this.#end, witness: undefined, maxBytes: PAGE_BYTES };
    const result = await this.#context.store.read?.(request);
    if (result === undefined) return false;
    if (result.type === "missing") {
      this.#session.endSession(GONE);
      return false;
    }
    if (result.missed !== undefined) this.#end = result.start;
    const next = remainderAfter(this.#end, { before: result.start, entries: result.entries });
    if (next === "gap" || next === "other") return true;
    const isAgain = result.missed !== undefined;
    // Deliver missed offsets without entries too, because a connection's position may be after all entries that the store has now.
    if (next.entries.length > 0 || isAgain) this.#deliver(next, isAgain);
    return next.entries.length > 0 && this.#end.offset < result.end.offset;
  }
}

import { setTimeout as wait } from "node:timers/promises";
import { writeKept, writeServerControl } from "@wsession/protocol";
import type { Missed, Position } from "@wsession/protocol";
import { remainderAfter, BEGINNING, endsBefore, isSamePosition } from "../session/kept-run.ts";
import type { KeptRun } from "../session/kept-run.ts";
import type { LocalSession } from "../session/local-session.ts";
import type { OutboxStream } from "../session/outbox-stream.ts";
import type { OutboxEntry } from "../store/outbox-contract.ts";
import { takePage } from "./page-reads.ts";
import type { PageWithSlot, Page, PageConnection } from "./page-reads.ts";
import { ReaderAcks } from "./reader-acks.ts";
import { replayDelay, spendReplay } from "./replay-budget.ts";

/** The next page is read when the send buffer has fewer bytes than this. */
const LOW_BYTES = 16 * 1024;
/** The longest time that a page occupies a slot, milliseconds. A client that does not read must not block the others for longer. */
const MAX_HELD_MS = 1_000;

/** The part of a connection that a replay uses. */
export interface ReplayConnection extends PageConnection {
  readonly bufferedAmount: number;
  readonly maxBufferedBytes: number;
  sendFrame(frame: string | Uint8Array): void;
  /** Sends the frames in order, in as few writes as possible. */
  sendFrames(frames: ReadonlyArray<string | Uint8Array>): void;
  /** Called when the store failed, or the session is gone. */
  replayFailed(error: unknown): void;
}

/** The client's position after an attach, as hello reports it. */
export interface ReplayStart {
  readonly at: Position;
  readonly last: number;
  readonly missed: Missed | undefined;
  readonly replayed: number;
}

export const NOTHING_KEPT: ReplayStart = { at: BEGINNING, last: 0, missed: undefined, replayed: 0 };

/**
 * The cursor of one framed connection in the outbox of its session. A live message is sent only if it directly follows the
 * cursor, by its offset and its chain. Otherwise the replay reads pages from the store until the client has caught up. A live
 * message that arrives meanwhile is not queued: the replay reads it from the store (I15, I16, I19). So a slow client costs one
 * page of memory, not a queue (I20).
 */
export class Replay<Data extends object> {
  readonly #connection: ReplayConnection;
  readonly #state: LocalSession<Data>;
  readonly #stream: OutboxStream;
  /** The client's id if the store has to keep messages until this client has read them (`whenFull: "refuse"`). */
  readonly #reader: string | undefined;
  #position: Position;
  #witness: Position | undefined;
  #isLive = false;
  #page: Page | undefined;
  /** Offsets up to this one count against the replay budget, because a client could request them again and again. */
  #replayedTo = 0;
  /** `undefined` if hello requests no acks. */
  #acks: ReaderAcks<Data> | undefined;
  #drainWaiters: (() => void)[] | undefined;

  /** `from` is the client's position. */
  constructor(
    connection: ReplayConnection,
    state: LocalSession<Data>,
    from: Position,
    reader: string | undefined,
  ) {
    this.#connection = connection;
    this.#state = state;
    this.#stream = state.context.outboxes.of(state);
    this.#position = from;
    this.#reader = reader;
  }

  get position(): Position {
    return this.#position;
  }

  /** Finds out which messages the client missed. `start` sends them. Resolves with `undefined` if the connection ended meanwhile. */
  async begin(witness: Position | undefined): Promise<ReplayStart | undefined> {
    this.#witness = witness;
    await this.#pause(replayDelay(this.#state));
    const taken = await this.#takePage();
    if (taken === undefined) return undefined;
    taken.release();
    const { page } = taken;
    spendReplay(this.#state, bytesOf(page.entries));
    this.#replayedTo = page.end.offset;
    this.#page = page;
    this.#position = page.start;
    const { entries, end, missed, start } = page;
    const beyond = Math.max(0, end.offset - start.offset - entries.length);
    const replayed = entries.filter(({ data }) => data !== undefined).length + beyond;
    return { at: start, last: end.offset, missed, replayed };
  }

  /** Sends `first` and the first page of missed messages in one write, then the further pages, then each new message. */
  start(first: readonly string[]): void {
    const page = this.#page;
    this.#page = undefined;
    if (page === undefined) this.#connection.sendFrames(first);
    else this.#sendPage(page, first);
    if (isSamePosition(this.#position, this.#stream.end)) this.#isLive = true;
    else void this.#catchUp();
  }

  /** Starts with live messages, because the client has every message up to `from`. */
  startLive(): void {
    this.#isLive = true;
  }

  /** `isAgain`: the store has lost messages, and `run` has all messages that the store still has. */
  onKept(run: KeptRun, isAgain: boolean): void {
    if (!this.#isLive) return;
    const next = isAgain && endsBefore(run, this.#position) ? "other" : remainderAfter(this.#position, run);
    const waits = this.#connection.bufferedAmount;
    if (next !== "gap" && next !== "other" && (waits === 0 || waits <= this.#connection.maxBufferedBytes)) {
      if (this.#send(next.entries)) return;
    }
    this.#isLive = false;
    void this.#catchUp();
  }

  onDrained(): void {
    const waiting = this.#drainWaiters;
    this.#drainWaiters = undefined;
    for (const resolve of waiting ?? []) resolve();
  }

  /** The client confirms that it has read up to `offset`. Returns false if that offset was never sent. */
  ack(offset: number): boolean {
    const acks = this.#acks;
    if (acks === undefined || !acks.take(offset)) return offset <= this.#position.offset;
    void acks.report(
      () => this.#connection.isEnding,
      (error) => this.#failed(error),
    );
    return true;
  }

  async #catchUp(): Promise<void> {
    try {
      for (;;) {
        await this.#bufferLow();
        const isReplay = this.#position.offset < this.#replayedTo;
        if (isReplay) await this.#pause(replayDelay(this.#state));
        const endBefore = this.#stream.end;
        const page = await this.#nextPage();
        if (page === undefined) return;
        if (isReplay) spendReplay(this.#state, bytesOf(page.entries));
        if (this.#isAtEnd(page, endBefore)) {
          this.#isLive = true;
          return;
        }
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  /** After the end of the connection no code waits for the replay, so a failure of the replay changes nothing. */
  #failed(error: unknown): void {
    if (!this.#connection.isEnding) this.#connection.replayFailed(error);
  }

  /** Returns `undefined` if the connection ended meanwhile. */
  async #nextPage(): Promise<Page | undefined> {
    const taken = await this.#takePage();
    if (taken === undefined) return undefined;
    const { page, release } = taken;
    try {
      if (page.missed !== undefined) this.#sendMissed(page.missed, page.start);
      this.#sendPage(page);
      return page;
    } finally {
      // The page occupies its slot until the client has read the page, at most for MAX_HELD_MS: slow clients must not block others.
      void Promise.race([this.#bufferLow(), wait(MAX_HELD_MS, undefined, { ref: false })]).then(release);
    }
  }

  #takePage(): Promise<PageWithSlot | undefined> {
    const request = () => ({ from: this.#position, witness: this.#witness, reader: this.#reader });
    return takePage(this.#connection, this.#state, request);
  }

  /** Whether the next live message directly follows the position. `endBefore`: the end of the stream before the page was read. */
  #isAtEnd(page: Page, endBefore: Position): boolean {
    const { end } = this.#stream;
    if (!isSamePosition(this.#position, page.end)) return false;
    if (isSamePosition(this.#position, end)) return true;
    if (this.#position.offset > end.offset) {
      this.#stream.onReplyEnd(this.#position);
      return true;
    }
    // If the stream grew while the page was read, read on. If not, the store has lost messages that were announced before.
    if (!isSamePosition(endBefore, end)) return false;
    this.#stream.onReportedEnd(this.#position);
    return true;
  }

  #sendMissed(missed: Missed, start: Position): void {
    this.#position = start;
    this.#connection.sendFrame(writeServerControl({ type: "missed", ...missed, chain: start.chain }));
  }

  #sendPage({ entries, end, missed }: Page, first: readonly string[] = []): void {
    if (missed !== undefined) this.#witness = undefined;
    this.#send(entries, end, first);
  }

  /**
   * Sends `first` and the entries in one write. Consecutive entries without a message are sent as one jump. `end` is the end of the
   * outbox when the entries were read. Stops at an entry that contradicts the witness, and returns false.
   */
  #send(entries: readonly OutboxEntry[], end?: Position, first: readonly string[] = []): boolean {
    const frames: (string | Uint8Array)[] = [...first];
    const skipped: OutboxEntry[] = [];
    for (const entry of entries) {
      const next = { offset: this.#position.offset + 1, chain: entry.chain };
      if (this.#contradictsWitness(next)) {
        this.#connection.sendFrames(frames);
        return false;
      }
      if (entry.data === undefined) skipped.push(entry);
      else {
        if (skipped.length > 0) frames.push(this.#jumpOver(skipped.splice(0), end));
        frames.push(writeKept({ chain: entry.chain, message: entry.data }));
      }
      this.#moveTo(next);
    }
    if (skipped.length > 0) frames.push(this.#jumpOver(skipped, end));
    this.#connection.sendFrames(frames);
    return true;
  }

  /**
   * Sets the witness, and returns the frame of a jump over these entries. If newer messages replaced some entries, the witness is the end
   * of the outbox. The newer messages are before that end, so a store that no longer has that end may have lost them.
   */
  #jumpOver(skipped: readonly OutboxEntry[], end: Position | undefined): string {
    const isReplaced = skipped.some((entry) => entry.isReplaced);
    if (isReplaced) this.#witness = end;
    const witness = isReplaced ? end : undefined;
    return writeServerControl({ type: "jump", count: skipped.length, chain: this.#position.chain, witness });
  }

  #moveTo(position: Position): void {
    this.#position = position;
    if (this.#reader !== undefined) (this.#acks ??= new ReaderAcks(this.#state, this.#reader)).sent(position);
    if (this.#witness !== undefined && position.offset >= this.#witness.offset) this.#witness = undefined;
  }

  #contradictsWitness(next: Position): boolean {
    return this.#witness?.offset === next.offset && !isSamePosition(this.#witness, next);
  }

  /** Waits `ms` milliseconds, or until the connection ends. */
  #pause(ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      let isSettled = false;
      const settle = () => {
        isSettled = true;
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(settle, ms).unref();
      const check = () => {
        if (this.#connection.isEnding) settle();
        else if (!isSettled) (this.#drainWaiters ??= []).push(check);
      };
      check();
    });
  }

  #bufferLow(): Promise<void> {
    if (this.#connection.isEnding || this.#connection.bufferedAmount < LOW_BYTES) return Promise.resolve();
    return new Promise((resolve) => {
      (this.#drainWaiters ??= []).push(resolve);
    });
  }
}

function bytesOf(entries: readonly OutboxEntry[]): number {
  return entries.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
}

import { isTransactionRefused } from "@wsession/protocol";
import { assertNone } from "../base/arguments.ts";
import { clipReason, CloseCode } from "../base/close-codes.ts";
import type { Connection } from "../api/contract.ts";
import type { Deadline, Deadlines } from "../base/deadlines.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import { isAboutTheEnd, isSessionError } from "../base/errors.ts";
import { Flow, GIVEN_AND_OPENING, BLOCKS_DIRECT_DELIVERY, BLOCKS_CLOSE, BLOCKS_MESSAGES } from "./flow.ts";
import type { Handshake } from "../handshake/handshake.ts";
import { Inbox } from "./inbox.ts";
import type { ErrorContext, Limits, Stage } from "../api/options.ts";
import type { Runtime, RuntimeConnection } from "../api/runtime.ts";
import { isThenable, promiseOf } from "../base/promises.ts";

export interface LifecycleSettings {
  readonly gate: "session" | "open";
  readonly early: Limits & { readonly timeoutMs: number };
  readonly inbox: Limits;
  readonly handlerTimeoutMs: number;
}

/** What all connections of one binding share. */
export interface LifecycleContext<Socket extends object> {
  readonly runtime: Runtime<Socket>;
  readonly settings: LifecycleSettings;
  readonly deadlines: Deadlines;
  readonly diagnostics: Diagnostics;
  /** Whose handler is being called in this very moment, up to its first `await`. */
  running: object | undefined;
  report(error: unknown, context: ErrorContext): void;
}

/** How long a peer may take to answer our close frame, milliseconds; longer while it takes what was sent before. */
const CLOSING_HANDSHAKE_MS = 2_000;
/** How often that time is given again, at most. */
const MAX_CLOSING_TURNS = 15;

export interface CloseEvent {
  readonly code: number;
  readonly reason: string;
}

/** What a connection has once something had to wait; one that is idle, or whose handler returns no promise, has none. */
interface Backlog {
  readonly inbox: Inbox;
  /** While the socket is paused for the inbox's sake: until when, at most. */
  pause: Deadline | undefined;
  /** How the connection ends once what has arrived was handled. */
  ending: CloseEvent | undefined;
  /** After a message's handler. Here, so that they are made once and not for each message. */
  readonly onSettled: () => void;
  readonly onFailed: (error: unknown) => void;
}

/**
 * When a connection's handlers run: the gate, the order of messages, the limits on what waits, and one end. What they
 * are called with is for the class that extends it.
 *
 * Methods are `private` here and in what a connection consists of: with `#` each object has a field more for each class.
 */
export abstract class ConnectionLifecycle<Socket extends object> implements RuntimeConnection {
  abstract readonly context: LifecycleContext<Socket>;
  abstract readonly socket: Socket;
  abstract readonly publicConnection: Connection;
  #flow: number = Flow.Ready;
  #backlog: Backlog | undefined = undefined;
  /** Until when the session has to be there; after the end, until when handlers have to settle. */
  #deadline: Deadline | undefined = undefined;
  #event: CloseEvent | undefined = undefined;

  protected abstract readonly hasSession: boolean;
  /** Whether neither a token nor a subject says who the client is. */
  protected abstract readonly isAnonymous: boolean;
  protected abstract callOpen(handshake: Handshake): unknown;
  protected abstract callMessage(data: string | Uint8Array): unknown;
  protected abstract callClose(event: CloseEvent): unknown;
  /** It counts no more: the socket has ended, or this side is ending it. Called once. */
  protected abstract notifyClosed(): void;
  /** A message came within the last look at its session's idle deadline. */
  protected abstract notifyActivity(): void;
  /** The close handler has settled, or hung past its time. May be called twice. */
  protected abstract notifyFinished(): void;
  abstract drained(): void;

  /** Whether a message came since it was last cleared. */
  get active(): boolean {
    return (this.#flow & Flow.Active) !== 0;
  }

  set active(active: boolean) {
    this.#flow = active ? this.#flow | Flow.Active : this.#flow & ~Flow.Active;
  }

  get hasEnded(): boolean {
    return (this.#flow & Flow.Ended) !== 0;
  }

  /** Whether it has ended, or we are about to end it. */
  get isEnding(): boolean {
    return (this.#flow & (Flow.Discarding | Flow.Ended)) !== 0;
  }

  /** Calls `notifyActivity` at the next message. The common path of a message costs nothing for it. */
  awaitMessage(): void {
    this.#flow |= Flow.LastLook;
  }

  /**
   * `open` is called in the tick in which the runtime handed the socket over, before any message (I1). Where a store takes a while
   * to create a session that ends with its connection, `open` comes once `creating` has settled; messages wait until then.
   */
  start(handshake: Handshake, creating?: Promise<unknown>): void {
    this.#flow |= Flow.Opening;
    if (creating === undefined) return this.open(handshake);
    this.#flow |= Flow.Unopened;
    const created = () => {
      if (this.isEnding) return this.clearAndAdvance(Flow.Opening);
      this.#flow &= ~Flow.Unopened;
      this.open(handshake);
    };
    creating.then(created, (error: unknown) => {
      this.failed("initial", error);
      this.clearAndAdvance(Flow.Opening);
    });
    this.watchEarly();
  }

  private open(handshake: Handshake): void {
    if (this.hasSession) this.#flow |= Flow.HadSession;
    if (this.context.settings.gate === "session" && !this.hasSession) this.#flow |= Flow.Gated;
    let waits = false;
    const { context } = this;
    const { running } = context;
    context.running = this;
    try {
      const opening = promiseOf(this.callOpen(handshake));
      opening?.then(
        () => this.clearAndAdvance(Flow.Opening),
        (error: unknown) => {
          this.failed("open", error);
          this.clearAndAdvance(Flow.Opening);
        },
      );
      waits = opening !== undefined;
    } catch (error) {
      this.failed("open", error);
    }
    context.running = running;
    if (!waits) this.clearAndSchedule(Flow.Opening);
    this.watchEarly();
  }

  /** The session is set. */
  protected openGate(): void {
    this.clearAndSchedule(Flow.Gated);
    // After the end the deadline is another's: until when handlers have to settle.
    if (this.#deadline === undefined || this.hasEnded) return;
    this.#deadline.cancel();
    this.#deadline = undefined;
  }

  // --- messages in ---

  receive(data: string | Uint8Array, borrowed = false): void {
    this.#flow |= Flow.Active;
    if ((this.#flow & BLOCKS_DIRECT_DELIVERY) === Flow.Ready) this.deliver(data);
    else this.receiveSlowly(data, borrowed);
  }

  private receiveSlowly(data: string | Uint8Array, borrowed: boolean): void {
    if ((this.#flow & Flow.LastLook) !== 0) {
      this.#flow &= ~Flow.LastLook;
      this.notifyActivity();
    }
    if ((this.#flow & BLOCKS_DIRECT_DELIVERY) === Flow.Ready) this.deliver(data);
    else if ((this.#flow & (Flow.Discarding | Flow.Draining)) !== 0)
      this.context.diagnostics.messagesDiscarded += 1;
    else this.enqueue(borrowed && typeof data !== "string" ? Buffer.from(data) : data);
  }

  /** Hands one message to the handler; the next waits until it has settled (I2). */
  private deliver(data: string | Uint8Array): void {
    this.#flow |= Flow.Busy;
    const { context } = this;
    const { running } = context;
    context.running = this;
    try {
      const promise = promiseOf(this.callMessage(data));
      if (promise !== undefined) {
        context.running = running;
        const { onSettled, onFailed } = this.backlog;
        promise.then(onSettled, onFailed);
        return;
      }
    } catch (error) {
      this.failed("message", error);
    }
    context.running = running;
    this.#flow &= ~Flow.Busy;
    if ((this.#flow & BLOCKS_DIRECT_DELIVERY) !== Flow.Ready) this.scheduleAdvance();
  }

  private enqueue(data: string | Uint8Array): void {
    const { runtime, settings, diagnostics, deadlines } = this.context;
    const { backlog } = this;
    const { inbox } = backlog;
    const early = this.isEarly;
    const limits = early ? settings.early : settings.inbox;
    inbox.push(data);
    this.#flow |= Flow.Queued;
    if (inbox.exceeds(limits) && (early || inbox.size > 1)) {
      diagnostics.limitsExceeded += 1;
      if (!early) this.end(CloseCode.InboxFull, "too many messages waiting");
      else if (this.hasSession) this.end(CloseCode.EarlyLimit, "too much before open has settled");
      else this.end(CloseCode.EarlyLimit, "too much before the session");
    } else if (inbox.isHigh(limits) && backlog.pause === undefined && runtime.pause !== undefined) {
      // Paused, a socket shows neither its close frame nor its end: look again after a while (I3).
      backlog.pause = deadlines.after(settings.handlerTimeoutMs, () => this.unpause());
      runtime.pause(this.socket);
    }
  }

  /**
   * Whether what waits is a stranger's, and bounded by `early` (I14): the session is not set, with gate "open" maybe because
   * a message's handler is still at the login; or `initial` gave it to somebody whom nobody knows, and `open`, which may be
   * the login, has not settled. A client that came back, or whose subject is known, has `inbox`.
   */
  private get isEarly(): boolean {
    if (!this.hasSession) return true;
    return (this.#flow & GIVEN_AND_OPENING) === GIVEN_AND_OPENING && this.isAnonymous;
  }

  private unpause(): void {
    const backlog = this.#backlog;
    if (backlog?.pause === undefined) return;
    backlog.pause.cancel();
    backlog.pause = undefined;
    if (!this.hasEnded) this.context.runtime.resume?.(this.socket);
  }

  /** Does what may be done now: waiting messages, then `close`. */
  private advance(): void {
    while ((this.#flow & (BLOCKS_MESSAGES | Flow.Busy)) === 0) {
      const message = this.#backlog?.inbox.shift();
      if (message === undefined) break;
      if (this.#backlog?.inbox.size === 0) this.onBacklogEmpty();
      this.deliver(message);
    }
    const ending = this.#backlog?.ending;
    if (ending !== undefined && !this.isEnding && !this.isHandling) this.end(ending.code, ending.reason);
    const never = (this.#flow & (Flow.Ended | Flow.Gated)) === (Flow.Ended | Flow.Gated);
    if (never && (this.#flow & Flow.Opening) === 0) this.discard();
    const settled = (this.#flow & BLOCKS_CLOSE) === 0 || (this.#flow & Flow.GivenUp) !== 0;
    if (settled && (this.#flow & (Flow.Ended | Flow.Finished)) === Flow.Ended) this.finish();
  }

  private onBacklogEmpty(): void {
    this.#flow &= ~Flow.Queued;
    this.unpause();
  }

  /** As `advance`, outside of the caller's stack: what application code calls never runs a handler before it returns. */
  private scheduleAdvance(): void {
    if ((this.#flow & Flow.Scheduled) !== 0) return;
    this.#flow |= Flow.Scheduled;
    queueMicrotask(() => {
      this.#flow &= ~Flow.Scheduled;
      this.advance();
    });
  }

  private get backlog(): Backlog {
    return (this.#backlog ??= {
      inbox: new Inbox(),
      pause: undefined,
      ending: undefined,
      onSettled: () => this.clearAndAdvance(Flow.Busy),
      onFailed: (error) => {
        this.failed("message", error);
        this.clearAndAdvance(Flow.Busy);
      },
    });
  }

  private clearAndAdvance(bit: number): void {
    this.#flow &= ~bit;
    if ((this.#flow & BLOCKS_DIRECT_DELIVERY) !== Flow.Ready) this.advance();
  }

  private clearAndSchedule(bit: number): void {
    this.#flow &= ~bit;
    if ((this.#flow & BLOCKS_DIRECT_DELIVERY) !== Flow.Ready) this.scheduleAdvance();
  }

  /** A handler failed: this connection ends, and no other (I12). Not for a message that was refused: that is its sender's mistake. */
  protected failed(stage: Stage, error: unknown): void {
    if (stage === "message" && isTransactionRefused(error, "INVALID_MESSAGE"))
      return this.refuseMessage(error);
    // It was asked for without a time of its own, or with one: the client did not get its session set.
    const isLate = isSessionError(error, "READY_TIMEOUT") && !this.hasSession;
    if (isLate) this.context.diagnostics.handlersCutShort += 1;
    else this.reportFailure(stage, error);
    if (isLate) this.end(CloseCode.SessionTimeout, "session not set in time");
    else if (isSessionError(error, "STORE_UNAVAILABLE"))
      this.end(CloseCode.StoreUnavailable, "store unavailable");
    else this.end(CloseCode.HandlerFailed, "handler failed");
  }

  /** Each is counted. The first of a connection is reported, and no other: a stranger could fill the log with them. */
  private refuseMessage(error: unknown): void {
    const { context } = this;
    context.diagnostics.messagesRefused += 1;
    if ((this.#flow & Flow.Refused) !== 0) return;
    this.#flow |= Flow.Refused;
    context.report(error, { stage: "client", connection: this.publicConnection });
  }

  /** What only follows from the end of this connection is counted: by leaving, clients would fill the log. */
  private reportFailure(stage: Stage, error: unknown): void {
    if (this.isEnding && this.isConsequence(error)) this.context.diagnostics.handlersCutShort += 1;
    else this.context.report(error, { stage, connection: this.publicConnection });
  }

  protected isConsequence(error: unknown): boolean {
    if (isAboutTheEnd(error)) return true;
    // The first failure of the store ended the connection, and was reported: its other calls fail for the same cause.
    return this.#event?.code === CloseCode.StoreUnavailable && isSessionError(error, "STORE_UNAVAILABLE");
  }

  // --- time ---

  /** Until when the session has to be set. How long `open` takes once it is set is the application's affair. */
  private watchEarly(): void {
    const { timeoutMs } = this.context.settings.early;
    if (this.hasSession || timeoutMs === Infinity || (this.#flow & Flow.Discarding) !== 0) return;
    this.#deadline = this.context.deadlines.allow(timeoutMs, () =>
      this.end(CloseCode.SessionTimeout, "session not set in time"),
    );
  }

  // --- the end ---

  terminate(surplus?: undefined): void {
    assertNone("terminate()", surplus);
    if (this.hasEnded) return;
    this.#event ??= { code: 1006, reason: "" };
    this.stop();
    this.markClosed();
    this.context.runtime.terminate(this.socket);
  }

  /**
   * We end it: what waits is discarded and counted (I4), and it counts no more. The close handler is called once the socket
   * has ended, which takes a short time at most, because a peer that does not answer the close frame is cut off.
   */
  end(code: number, reason: string): void {
    if ((this.#flow & Flow.Discarding) !== 0) return;
    const ended = this.hasEnded;
    // A reason for destroying a session, maybe another process's, need not fit a close frame.
    const fits = clipReason(reason);
    if (!ended) this.#event = { code, reason: fits };
    this.stop();
    if (ended) return this.scheduleAdvance();
    this.markClosed();
    const { runtime } = this.context;
    runtime.close(this.socket, code, fits);
    if (!this.hasEnded) this.awaitClosingHandshake(runtime.bufferedAmount(this.socket), MAX_CLOSING_TURNS);
  }

  /** As `end`, once what has arrived was handled. What comes from now on is discarded and counted. */
  endHandled(code: number, reason: string): void {
    if (this.isEnding) return;
    if (!this.isHandling) return this.end(code, reason);
    this.#flow |= Flow.Draining;
    this.backlog.ending = { code, reason };
  }

  /** Whether a handler runs, or a message waits for one. Without a session nothing may come of those at the gate. */
  private get isHandling(): boolean {
    const isWaiting = (this.#flow & (Flow.Queued | Flow.Gated)) === Flow.Queued;
    return isWaiting || (this.#flow & (Flow.Opening | Flow.Busy)) !== 0;
  }

  /** A peer that is still taking what was sent before the close frame has not read it yet. */
  private awaitClosingHandshake(buffered: number, turns: number): void {
    const { deadlines, runtime } = this.context;
    this.#deadline = deadlines.allow(CLOSING_HANDSHAKE_MS, () => {
      if (this.hasEnded) return;
      const left = runtime.bufferedAmount(this.socket);
      const takes = runtime.isTaking?.(this.socket) ?? (left > 0 && left < buffered);
      if (takes && turns > 1) this.awaitClosingHandshake(left, turns - 1);
      else runtime.terminate(this.socket);
    });
  }

  private markClosed(): void {
    if ((this.#flow & Flow.Uncounted) !== 0) return;
    this.#flow |= Flow.Uncounted;
    this.notifyClosed();
  }

  private stop(): void {
    this.#flow |= Flow.Discarding;
    this.discard();
    if (!this.hasEnded) this.#deadline?.cancel();
    this.unpause();
  }

  private discard(): void {
    this.context.diagnostics.messagesDiscarded += this.#backlog?.inbox.clear() ?? 0;
    this.#flow &= ~Flow.Queued;
  }

  ended(code: number, reason: string): void {
    if (this.hasEnded) return;
    this.#flow |= Flow.Ended;
    this.#event ??= { code, reason };
    this.#deadline?.cancel();
    this.#deadline = undefined;
    this.unpause();
    this.markClosed();
    if ((this.#flow & Flow.GivenUp) !== 0) this.giveUp();
    else if ((this.#flow & BLOCKS_CLOSE) !== 0) {
      const { deadlines, settings } = this.context;
      this.#deadline = deadlines.allow(settings.handlerTimeoutMs, () => this.giveUp());
    }
    this.scheduleAdvance();
  }

  /**
   * A handler that hangs no longer holds `close` back: at the end of its time, or at a shutdown that it may be waiting for.
   * Messages that wait behind it are discarded and counted.
   */
  giveUp(): void {
    if ((this.#flow & Flow.Finished) !== 0) return;
    this.#flow |= Flow.GivenUp;
    if (!this.hasEnded) return;
    this.#flow |= Flow.Discarding;
    this.discard();
    this.scheduleAdvance();
  }

  /** The handler that runs waits for the shutdown that it called for: it holds nothing back any more. */
  abandon(): void {
    if ((this.#flow & Flow.Finished) === 0) this.giveUp();
    else this.notifyFinished();
  }

  private finish(): void {
    this.#flow |= Flow.Finished | Flow.Discarding;
    this.#deadline?.cancel();
    if ((this.#flow & Flow.Unopened) !== 0) return this.notifyFinished();
    const report = (error: unknown) => this.reportFailure("close", error);
    let closing: Promise<unknown> | undefined;
    const { context } = this;
    const { running } = context;
    context.running = this;
    try {
      const result = this.callClose(this.#event ?? { code: 1006, reason: "" });
      if (isThenable(result)) closing = new Promise((resolve) => resolve(result));
    } catch (error) {
      report(error);
    }
    context.running = running;
    if (closing === undefined) return this.notifyFinished();
    const { deadlines, settings } = context;
    const hung = deadlines.allow(settings.handlerTimeoutMs, () => this.notifyFinished());
    closing.catch(report).finally(() => {
      hung.cancel();
      this.notifyFinished();
    });
  }
}

import { assertNone } from "../base/arguments.ts";
import { clipReason, CloseCode } from "../base/close-codes.ts";
import type { Connection } from "../api/contract.ts";
import type { Deadline, Deadlines } from "../base/deadlines.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import { isAboutTheEnd, isSessionError } from "../base/errors.ts";
import type { Handshake } from "../handshake/handshake.ts";
import { Inbox } from "./inbox.ts";
import type { ErrorContext, Limits, Stage } from "../api/options.ts";
import type { Runtime, RuntimeConnection } from "../api/runtime.ts";
import { isThenable, promiseOf } from "../base/promises.ts";

export interface LifeSettings {
  readonly gate: "session" | "open";
  readonly early: Limits & { readonly timeoutMs: number };
  readonly inbox: Limits;
  readonly handlerTimeoutMs: number;
}

/** What all connections of one binding share. */
export interface LifeContext<Socket extends object> {
  readonly runtime: Runtime<Socket>;
  readonly settings: LifeSettings;
  readonly deadlines: Deadlines;
  readonly diagnostics: Diagnostics;
  report(error: unknown, context: ErrorContext): void;
}

export interface CloseEvent {
  readonly code: number;
  readonly reason: string;
}

/**
 * Where a connection stands, as bits, so that "a message may be handled at once" is one comparison with 0.
 * opening → open → (discarding) → ended → finished.
 */
const Flow = {
  Ready: 0,
  /** `open` has not settled. */
  Opening: 1,
  /** The session is not set, and the gate waits for it. */
  Gated: 2,
  /** A message handler has not settled. */
  Busy: 4,
  /** Messages wait in the inbox. */
  Queued: 8,
  /** We end it: messages are discarded. */
  Discarding: 16,
  /** The socket has ended. */
  Ended: 32,
  /** A handler hung past its time after the end. */
  GivenUp: 64,
  /** The close handler was called. */
  Finished: 128,
  /** `advance` will be called in this turn. Like `Active` it holds nothing back. */
  Scheduled: 256,
  /** A message came since it was last cleared. */
  Active: 512,
  /** The session was there before `open`: its client came back, or was given it by `initial`. */
  HadSession: 1024,
} as const;

const HOLDS_ANYTHING = 255;

/** No message handler runs while one of these is set (I1). */
const HOLDS_MESSAGES = Flow.Opening | Flow.Gated;
const GIVEN_AND_OPENING = Flow.HadSession | Flow.Opening;
const HOLDS_CLOSE = Flow.Opening | Flow.Busy | Flow.Queued;

/** What a connection has once something had to wait; one that is idle, or whose handler returns no promise, has none. */
interface Waits {
  readonly inbox: Inbox;
  /** While the socket is paused for the inbox's sake: until when, at most. */
  pause: Deadline | undefined;
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
export abstract class ConnectionLife<Socket extends object> implements RuntimeConnection {
  abstract readonly context: LifeContext<Socket>;
  abstract readonly socket: Socket;
  abstract readonly api: Connection;
  #flow: number = Flow.Ready;
  #waits: Waits | undefined = undefined;
  /** Until when the session has to be there; after the end, until when handlers have to settle. */
  #deadline: Deadline | undefined = undefined;
  #event: CloseEvent | undefined = undefined;

  protected abstract readonly hasSession: boolean;
  /** Whether neither a token nor a subject says who the client is. */
  protected abstract readonly isAnonymous: boolean;
  protected abstract callOpen(handshake: Handshake): unknown;
  protected abstract callMessage(data: string | Uint8Array): unknown;
  protected abstract callClose(event: CloseEvent): unknown;
  /** The socket has ended. */
  protected abstract left(): void;
  /** The close handler has settled, or hung past its time. May be called twice. */
  protected abstract finished(): void;
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

  /** `open` is called in the tick in which the runtime handed the socket over, before any message. */
  start(handshake: Handshake): void {
    this.#flow |= Flow.Opening;
    if (this.hasSession) this.#flow |= Flow.HadSession;
    if (this.context.settings.gate === "session" && !this.hasSession) this.#flow |= Flow.Gated;
    let waits = false;
    try {
      const opening = promiseOf(this.callOpen(handshake));
      opening?.then(
        () => this.settled(Flow.Opening),
        (error: unknown) => {
          this.failed("open", error);
          this.settled(Flow.Opening);
        },
      );
      waits = opening !== undefined;
    } catch (error) {
      this.failed("open", error);
    }
    if (!waits) this.clear(Flow.Opening);
    this.watchEarly();
  }

  /** The session is set. */
  protected openGate(): void {
    this.clear(Flow.Gated);
    // After the end the deadline is another's: until when handlers have to settle.
    if (this.#deadline === undefined || this.hasEnded) return;
    this.#deadline.cancel();
    this.#deadline = undefined;
  }

  // --- messages in ---

  receive(data: string | Uint8Array, borrowed = false): void {
    this.#flow |= Flow.Active;
    if ((this.#flow & HOLDS_ANYTHING) === Flow.Ready) this.deliver(data);
    else if ((this.#flow & Flow.Discarding) !== 0) this.context.diagnostics.messagesDiscarded += 1;
    else this.hold(borrowed && typeof data !== "string" ? Buffer.from(data) : data);
  }

  /** Hands one message to the handler; the next waits until it has settled (I2). */
  private deliver(data: string | Uint8Array): void {
    this.#flow |= Flow.Busy;
    try {
      const promise = promiseOf(this.callMessage(data));
      if (promise !== undefined) {
        const { onSettled, onFailed } = this.waits;
        promise.then(onSettled, onFailed);
        return;
      }
    } catch (error) {
      this.failed("message", error);
    }
    this.#flow &= ~Flow.Busy;
    if ((this.#flow & HOLDS_ANYTHING) !== Flow.Ready) this.later();
  }

  private hold(data: string | Uint8Array): void {
    const { runtime, settings, diagnostics, deadlines } = this.context;
    const { waits } = this;
    const { inbox } = waits;
    const early = this.isEarly;
    const limits = early ? settings.early : settings.inbox;
    inbox.push(data);
    this.#flow |= Flow.Queued;
    if (inbox.exceeds(limits) && (early || inbox.size > 1)) {
      diagnostics.limitsExceeded += 1;
      if (!early) this.end(CloseCode.InboxFull, "too many messages waiting");
      else if (this.hasSession) this.end(CloseCode.EarlyLimit, "too much before open has settled");
      else this.end(CloseCode.EarlyLimit, "too much before the session");
    } else if (inbox.isHigh(limits) && waits.pause === undefined && runtime.pause !== undefined) {
      // Paused, a socket shows neither its close frame nor its end: look again after a while (I3).
      waits.pause = deadlines.after(settings.handlerTimeoutMs, () => this.unpause());
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
    const waits = this.#waits;
    if (waits?.pause === undefined) return;
    waits.pause.cancel();
    waits.pause = undefined;
    if (!this.hasEnded) this.context.runtime.resume?.(this.socket);
  }

  /** Does what may be done now: waiting messages, then `close`. */
  private advance(): void {
    while ((this.#flow & (HOLDS_MESSAGES | Flow.Busy)) === 0) {
      const message = this.#waits?.inbox.shift();
      if (message === undefined) break;
      if (this.#waits?.inbox.size === 0) this.emptied();
      this.deliver(message);
    }
    const never = (this.#flow & (Flow.Ended | Flow.Gated)) === (Flow.Ended | Flow.Gated);
    if (never && (this.#flow & Flow.Opening) === 0) this.discard();
    const settled = (this.#flow & HOLDS_CLOSE) === 0 || (this.#flow & Flow.GivenUp) !== 0;
    if (settled && (this.#flow & (Flow.Ended | Flow.Finished)) === Flow.Ended) this.finish();
  }

  private emptied(): void {
    this.#flow &= ~Flow.Queued;
    this.unpause();
  }

  /** As `advance`, outside of the caller's stack: what application code calls never runs a handler before it returns. */
  private later(): void {
    if ((this.#flow & Flow.Scheduled) !== 0) return;
    this.#flow |= Flow.Scheduled;
    queueMicrotask(() => {
      this.#flow &= ~Flow.Scheduled;
      this.advance();
    });
  }

  private get waits(): Waits {
    return (this.#waits ??= {
      inbox: new Inbox(),
      pause: undefined,
      onSettled: () => this.settled(Flow.Busy),
      onFailed: (error) => {
        this.failed("message", error);
        this.settled(Flow.Busy);
      },
    });
  }

  private settled(bit: number): void {
    this.#flow &= ~bit;
    if ((this.#flow & HOLDS_ANYTHING) !== Flow.Ready) this.advance();
  }

  private clear(bit: number): void {
    this.#flow &= ~bit;
    if ((this.#flow & HOLDS_ANYTHING) !== Flow.Ready) this.later();
  }

  /** A handler failed: this connection ends, and no other (I12). */
  protected failed(stage: Stage, error: unknown): void {
    // It was asked for without a time of its own, or with one: the client did not get its session set.
    const isLate = isSessionError(error, "READY_TIMEOUT") && !this.hasSession;
    if (isLate) this.context.diagnostics.handlersCutShort += 1;
    else this.reportFailure(stage, error);
    if (isLate) this.end(CloseCode.SessionTimeout, "session not set in time");
    else if (isSessionError(error, "STORE_UNAVAILABLE"))
      this.end(CloseCode.StoreUnavailable, "store unavailable");
    else this.end(CloseCode.HandlerFailed, "handler failed");
  }

  /** What only follows from the end of this connection is counted: by leaving, clients would fill the log. */
  private reportFailure(stage: Stage, error: unknown): void {
    if (this.isEnding && this.isConsequence(error)) this.context.diagnostics.handlersCutShort += 1;
    else this.context.report(error, { stage, connection: this.api });
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
    this.#deadline = this.context.deadlines.after(timeoutMs, () =>
      this.end(CloseCode.SessionTimeout, "session not set in time"),
    );
  }

  // --- the end ---

  terminate(surplus?: undefined): void {
    assertNone("terminate()", surplus);
    if (this.hasEnded) return;
    this.#event ??= { code: 1006, reason: "" };
    this.stop();
    this.context.runtime.terminate(this.socket);
  }

  /** We end it: what waits is discarded and counted (I4). */
  end(code: number, reason: string): void {
    if ((this.#flow & Flow.Discarding) !== 0) return;
    const ended = this.hasEnded;
    // A reason for destroying a session, maybe another process's, need not fit a close frame.
    const fits = clipReason(reason);
    if (!ended) this.#event = { code, reason: fits };
    this.stop();
    if (ended) this.later();
    else this.context.runtime.close(this.socket, code, fits);
  }

  private stop(): void {
    this.#flow |= Flow.Discarding;
    this.discard();
    if (!this.hasEnded) this.#deadline?.cancel();
    this.unpause();
  }

  private discard(): void {
    this.context.diagnostics.messagesDiscarded += this.#waits?.inbox.clear() ?? 0;
    this.#flow &= ~Flow.Queued;
  }

  ended(code: number, reason: string): void {
    if (this.hasEnded) return;
    this.#flow |= Flow.Ended;
    this.#event ??= { code, reason };
    this.#deadline?.cancel();
    this.#deadline = undefined;
    this.unpause();
    this.left();
    if ((this.#flow & HOLDS_CLOSE) !== 0) {
      const { deadlines, settings } = this.context;
      this.#deadline = deadlines.after(settings.handlerTimeoutMs, () => this.giveUp());
    }
    this.later();
  }

  /** A handler that hangs no longer holds `close` back. */
  private giveUp(): void {
    if ((this.#flow & Flow.Finished) !== 0) return;
    this.#flow |= Flow.GivenUp | Flow.Discarding;
    this.discard();
    this.advance();
  }

  private finish(): void {
    this.#flow |= Flow.Finished | Flow.Discarding;
    this.#deadline?.cancel();
    const report = (error: unknown) => this.reportFailure("close", error);
    let closing: Promise<unknown> | undefined;
    try {
      const result = this.callClose(this.#event ?? { code: 1006, reason: "" });
      if (isThenable(result)) closing = new Promise((resolve) => resolve(result));
    } catch (error) {
      report(error);
    }
    if (closing === undefined) return this.finished();
    const { deadlines, settings } = this.context;
    const hung = deadlines.after(settings.handlerTimeoutMs, () => this.finished());
    closing.catch(report).finally(() => {
      hung.cancel();
      this.finished();
    });
  }
}

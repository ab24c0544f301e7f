import { assertClose, clipReason, CloseCode } from "./close-codes.ts";
import type { Connection, Handlers, ReadyOptions, Session } from "./contract.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { isSessionError, SessionError } from "./errors.ts";
import type { Awaitable, Handshake } from "./handshake.ts";
import { Inbox } from "./inbox.ts";
import type { ErrorContext, Settings, Stage } from "./options.ts";
import type { Runtime, RuntimeConnection, SendOutcome } from "./runtime.ts";
import type { Holder, SessionState } from "./session-state.ts";
import { SessionHandle } from "./session.ts";
import type { TransportRecord } from "./transport.ts";

/** What all connections of one binding share. */
export interface ConnectionContext<
  Data extends object,
  Transport,
  Unset extends undefined,
  Socket extends object,
> {
  readonly runtime: Runtime<Socket>;
  readonly handlers: Handlers<Data, Transport, Unset>;
  readonly settings: Settings<Data, Transport>;
  readonly deadlines: Deadlines;
  readonly diagnostics: Diagnostics;
  /** Tells this process's connections apart from those of others, in logs. */
  readonly prefix: string;
  report(error: unknown, context: ErrorContext): void;
  /** Creates a session for a connection that has none, and attaches it. In the same tick where the store answers so. */
  createFor(connection: LiveConnection<Data, Transport, Unset, Socket>, data: Data): Awaitable<void>;
  /** The socket has ended: the session has one connection less. */
  left(connection: LiveConnection<Data, Transport, Unset, Socket>): void;
  /** The close handler has settled, or hung past its time: nothing refers to the connection any more. Idempotent. */
  finished(connection: LiveConnection<Data, Transport, Unset, Socket>): void;
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
} as const;

const HOLDS_MESSAGES = Flow.Opening | Flow.Gated;
const HOLDS_CLOSE = Flow.Opening | Flow.Busy | Flow.Queued;

interface CloseEvent {
  readonly code: number;
  readonly reason: string;
}

interface Waiter<Data extends object> {
  readonly resolve: (session: Session<Data>) => void;
  readonly reject: (error: unknown) => void;
}

/** One live WebSocket: the gate, the order of messages, and the life from `open` to `close`. */
export class LiveConnection<Data extends object, Transport, Unset extends undefined, Socket extends object>
  implements Connection<Data, Transport, Unset>, RuntimeConnection, Holder<Data>
{
  readonly context: ConnectionContext<Data, Transport, Unset, Socket>;
  readonly socket: Socket;
  readonly transport: TransportRecord<Transport>;
  /** Unique in the process. */
  readonly number: number;
  fence = 0;
  active = false;
  resumed = false;
  token: string | undefined = undefined;
  /** Whose the session will be that is set later, as `admit` said. */
  subject: string | undefined = undefined;
  #flow: number = Flow.Ready;
  #queued = false;
  #backedUp = false;
  #state: SessionState<Data> | undefined = undefined;
  #handle: Session<Data> | undefined = undefined;
  #inbox: Inbox | undefined = undefined;
  #waiters: Set<Waiter<Data>> | undefined = undefined;
  #setting: Promise<void> | undefined = undefined;
  #early: Deadline | undefined = undefined;
  #event: CloseEvent | undefined = undefined;

  constructor(
    context: ConnectionContext<Data, Transport, Unset, Socket>,
    socket: Socket,
    number: number,
    transport: TransportRecord<Transport>,
  ) {
    this.context = context;
    this.socket = socket;
    this.number = number;
    this.transport = transport;
  }

  get id(): string {
    return `${this.context.prefix}-${this.number.toString(36)}`;
  }

  get runtime(): "ws" | "uws" {
    return this.context.runtime.name;
  }

  get api(): Connection<Data> {
    return this;
  }

  get session(): Session<Data> | Unset {
    // Without a session `Unset` is `undefined`; where it is `never`, `initial` has set the session before `open`.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the overloads of createSessions see to it
    return this.#ownSession() ?? (undefined as Unset);
  }

  get state(): SessionState<Data> | undefined {
    return this.#state;
  }

  get hasEnded(): boolean {
    return (this.#flow & Flow.Ended) !== 0;
  }

  /** `open` is called in the tick in which the runtime handed the socket over, before any message. */
  start(handshake: Handshake): void {
    const { handlers, settings } = this.context;
    if (settings.gate === "session" && this.#state === undefined) this.#flow |= Flow.Gated;
    if (handlers.open !== undefined) {
      this.#flow |= Flow.Opening;
      try {
        this.#run("open", handlers.open(this, handshake), Flow.Opening);
      } catch (error) {
        this.#failed("open", error);
        this.#clear(Flow.Opening);
      }
    }
    this.#watchEarly();
  }

  // --- the session ---

  setSession(data: Data): Promise<Session<Data>> {
    if (this.hasEnded) return Promise.reject(closedError());
    const session = this.#ownSession();
    if (session !== undefined) return session.set(data).then(() => session);
    const before = this.#setting;
    if (before !== undefined) {
      const again = () => this.setSession(data);
      return before.then(again, again);
    }
    return this.#create(data);
  }

  async #create(data: Data): Promise<Session<Data>> {
    const creating = this.context.createFor(this, data);
    if (creating !== undefined) {
      this.#setting = Promise.resolve(creating);
      try {
        await creating;
      } finally {
        this.#setting = undefined;
      }
    }
    const session = this.#ownSession();
    if (session === undefined) throw closedError();
    return session;
  }

  /** The session is there: opens the gate and answers who waits for it. */
  attach(state: SessionState<Data>, fence: number): void {
    this.#state = state;
    this.fence = fence;
    state.hold(this);
    const session = this.#ownSession();
    if (session !== undefined) for (const waiter of this.#waiters ?? []) waiter.resolve(session);
    this.#waiters = undefined;
    this.#clear(Flow.Gated);
  }

  ready(options: ReadyOptions = {}): Promise<Session<Data>> {
    const { signal, timeoutMs = this.context.settings.early.timeoutMs } = options;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const session = this.#ownSession();
    if (session !== undefined) return Promise.resolve(session);
    if (this.hasEnded) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      const waiters = (this.#waiters ??= new Set());
      let deadline: Deadline | undefined;
      const done = () => {
        deadline?.cancel();
        signal?.removeEventListener("abort", aborted);
        waiters.delete(waiter);
      };
      const waiter: Waiter<Data> = {
        resolve: (found) => (done(), resolve(found)),
        reject: (error) => (done(), reject(error)),
      };
      const aborted = () => waiter.reject(signal?.reason);
      signal?.addEventListener("abort", aborted);
      if (timeoutMs > 0 && timeoutMs < Infinity) {
        deadline = this.context.deadlines.after(timeoutMs, () =>
          waiter.reject(new SessionError("READY_TIMEOUT", `the session was not set within ${timeoutMs} ms`)),
        );
      }
      waiters.add(waiter);
    });
  }

  #ownSession(): Session<Data> | undefined {
    if (this.#handle === undefined && this.#state !== undefined)
      this.#handle = new SessionHandle(this.#state, this);
    return this.#handle;
  }

  // --- messages in ---

  receive(data: string | Uint8Array, borrowed = false): void {
    this.active = true;
    if (this.#flow === Flow.Ready) this.#deliver(data);
    else if ((this.#flow & Flow.Discarding) !== 0) this.context.diagnostics.messagesDiscarded += 1;
    else this.#hold(borrowed && typeof data !== "string" ? Buffer.from(data) : data);
  }

  /** Hands one message to the handler; the next waits until it has settled (I2). */
  #deliver(data: string | Uint8Array): void {
    const { message } = this.context.handlers;
    if (message === undefined) return;
    this.#flow |= Flow.Busy;
    try {
      const result = message(this, data);
      if (result !== undefined) return this.#run("message", result, Flow.Busy);
    } catch (error) {
      this.#failed("message", error);
    }
    this.#flow &= ~Flow.Busy;
    if (this.#flow !== Flow.Ready) this.#later();
  }

  #hold(data: string | Uint8Array): void {
    const { runtime, settings, diagnostics, deadlines } = this.context;
    const inbox = (this.#inbox ??= new Inbox());
    const early = (this.#flow & HOLDS_MESSAGES) !== 0;
    const limits = early ? settings.early : settings.inbox;
    inbox.push(data);
    this.#flow |= Flow.Queued;
    if (inbox.exceeds(limits) && (early || inbox.size > 1)) {
      diagnostics.limitsExceeded += 1;
      if (this.#state === undefined) this.end(CloseCode.EarlyLimit, "too much before the session");
      else this.end(CloseCode.InboxFull, "too many messages waiting");
    } else if (inbox.isHigh(limits) && !inbox.paused && runtime.pause !== undefined) {
      inbox.paused = true;
      runtime.pause(this.socket);
      // Paused, a socket shows neither its close frame nor its end: look again after a while (I3).
      deadlines.after(settings.handlerTimeoutMs, () => this.#unpause());
    }
  }

  #unpause(): void {
    const inbox = this.#inbox;
    if (inbox === undefined || !inbox.paused) return;
    inbox.paused = false;
    if (!this.hasEnded) this.context.runtime.resume?.(this.socket);
  }

  /** Does what may be done now: waiting messages, then `close`. */
  #advance(): void {
    while ((this.#flow & (HOLDS_MESSAGES | Flow.Busy)) === 0) {
      const message = this.#inbox?.shift();
      if (message === undefined) break;
      if (this.#inbox?.size === 0) this.#emptied();
      this.#deliver(message);
    }
    const never = (this.#flow & (Flow.Ended | Flow.Gated)) === (Flow.Ended | Flow.Gated);
    if (never && (this.#flow & Flow.Opening) === 0) this.#discard();
    const settled = (this.#flow & HOLDS_CLOSE) === 0 || (this.#flow & Flow.GivenUp) !== 0;
    if (settled && (this.#flow & (Flow.Ended | Flow.Finished)) === Flow.Ended) this.#finish();
  }

  #emptied(): void {
    this.#flow &= ~Flow.Queued;
    this.#unpause();
  }

  /** As `advance`, outside of the caller's stack: what application code calls never runs a handler before it returns. */
  #later(): void {
    if (this.#queued) return;
    this.#queued = true;
    queueMicrotask(() => {
      this.#queued = false;
      this.#advance();
    });
  }

  /** Waits for a handler, then clears `bit`. What it returned need not be a promise. */
  #run(stage: Stage, result: Awaitable<void>, bit: number): void {
    if (!isThenable(result)) return this.#clear(bit);
    const promise = result instanceof Promise ? result : Promise.resolve(result);
    promise.then(
      () => this.#settled(bit),
      (error: unknown) => {
        this.#failed(stage, error);
        this.#settled(bit);
      },
    );
  }

  #settled(bit: number): void {
    this.#flow &= ~bit;
    if (bit === Flow.Opening) this.#cancelEarly();
    if (this.#flow !== Flow.Ready) this.#advance();
  }

  #clear(bit: number): void {
    this.#flow &= ~bit;
    this.#cancelEarly();
    if (this.#flow !== Flow.Ready) this.#later();
  }

  /** A handler failed: this connection ends, and no other (I12). */
  #failed(stage: Stage, error: unknown): void {
    this.context.report(error, { stage, connection: this });
    if (stage === "open" && isSessionError(error, "STORE_UNAVAILABLE")) {
      this.end(CloseCode.StoreUnavailable, "store unavailable");
    } else this.end(CloseCode.HandlerFailed, "handler failed");
  }

  // --- time ---

  #watchEarly(): void {
    const { timeoutMs } = this.context.settings.early;
    if (!this.#isEarly() || timeoutMs === Infinity || (this.#flow & Flow.Discarding) !== 0) return;
    this.#early = this.context.deadlines.after(timeoutMs, () =>
      this.end(CloseCode.SessionTimeout, "session not set in time"),
    );
  }

  #isEarly(): boolean {
    return this.#state === undefined || (this.#flow & Flow.Opening) !== 0;
  }

  #cancelEarly(): void {
    if (this.#early === undefined || this.#isEarly()) return;
    this.#early.cancel();
    this.#early = undefined;
  }

  // --- messages out ---

  send(data: string | Uint8Array): SendOutcome {
    if ((this.#flow & (Flow.Discarding | Flow.Ended)) !== 0) return "closed";
    const { runtime, settings, diagnostics } = this.context;
    if (this.#backedUp) {
      const buffered = runtime.bufferedAmount(this.socket);
      if (buffered > 0 && buffered + data.length > settings.maxBufferedBytes) {
        diagnostics.sendsDropped += 1;
        return "dropped";
      }
    }
    const outcome = runtime.send(this.socket, data);
    if (outcome === "queued" && !this.#backedUp) {
      this.#backedUp = true;
      runtime.awaitDrain(this.socket);
    } else if (outcome === "dropped") diagnostics.sendsDropped += 1;
    return outcome;
  }

  get bufferedAmount(): number {
    return this.hasEnded ? 0 : this.context.runtime.bufferedAmount(this.socket);
  }

  drained(): void {
    if (!this.#backedUp) return;
    this.#backedUp = false;
    const { drain } = this.context.handlers;
    if (drain === undefined || this.hasEnded) return;
    try {
      drain(this);
    } catch (error) {
      this.#failed("drain", error);
    }
  }

  heartbeat(): void {
    if (!this.hasEnded) this.context.runtime.heartbeat(this.socket);
  }

  changed(data: Readonly<Data>): void {
    const { change } = this.context.handlers;
    if (change === undefined || (this.#flow & (Flow.Discarding | Flow.Ended)) !== 0) return;
    try {
      change(this, data);
    } catch (error) {
      this.#failed("change", error);
    }
  }

  /** The absolute deadline is near. */
  expiring(remainingMs: number): void {
    const { expiring } = this.context.handlers;
    if (expiring === undefined || (this.#flow & (Flow.Discarding | Flow.Ended)) !== 0) return;
    try {
      const result = expiring(this, remainingMs);
      if (isThenable(result))
        Promise.resolve(result).catch((error: unknown) => this.#failed("expiring", error));
    } catch (error) {
      this.#failed("expiring", error);
    }
  }

  // --- the end ---

  close(code = 1000, reason = ""): void {
    assertClose(code, reason);
    this.end(code, reason);
  }

  terminate(): void {
    if (this.hasEnded) return;
    this.#event ??= { code: 1006, reason: "" };
    this.#stop();
    this.context.runtime.terminate(this.socket);
  }

  /** We end it: what waits is discarded and counted (I4). */
  end(code: number, reason: string): void {
    if ((this.#flow & Flow.Discarding) !== 0) return;
    const ended = this.hasEnded;
    // A reason for destroying a session, maybe another process's, need not fit a close frame.
    const fits = clipReason(reason);
    if (!ended) this.#event = { code, reason: fits };
    this.#stop();
    if (ended) this.#later();
    else this.context.runtime.close(this.socket, code, fits);
  }

  #stop(): void {
    this.#flow |= Flow.Discarding;
    this.#discard();
    this.#early?.cancel();
    this.#unpause();
  }

  #discard(): void {
    this.context.diagnostics.messagesDiscarded += this.#inbox?.clear() ?? 0;
    this.#flow &= ~Flow.Queued;
  }

  ended(code: number, reason: string): void {
    if (this.hasEnded) return;
    this.#flow |= Flow.Ended;
    this.#event ??= { code, reason };
    this.#early?.cancel();
    this.#early = undefined;
    this.context.left(this);
    for (const waiter of this.#waiters ?? []) waiter.reject(closedError());
    this.#waiters = undefined;
    if ((this.#flow & HOLDS_CLOSE) !== 0) {
      const { deadlines, settings } = this.context;
      deadlines.after(settings.handlerTimeoutMs, () => this.#giveUp());
    }
    this.#later();
  }

  /** A handler that hangs no longer holds `close` back. */
  #giveUp(): void {
    if ((this.#flow & Flow.Finished) !== 0) return;
    this.#flow |= Flow.GivenUp | Flow.Discarding;
    this.#discard();
    this.#advance();
  }

  #finish(): void {
    this.#flow |= Flow.Finished | Flow.Discarding;
    const { close } = this.context.handlers;
    let closing: Awaitable<void> = undefined;
    try {
      closing = close?.(this, this.#event ?? { code: 1006, reason: "" });
    } catch (error) {
      this.context.report(error, { stage: "close", connection: this });
    }
    if (!isThenable(closing)) return this.context.finished(this);
    const { deadlines, settings } = this.context;
    const hung = deadlines.after(settings.handlerTimeoutMs, () => this.context.finished(this));
    Promise.resolve(closing)
      .catch((error: unknown) => this.context.report(error, { stage: "close", connection: this }))
      .finally(() => {
        hung.cancel();
        this.context.finished(this);
      });
  }
}

function isThenable(value: unknown): value is PromiseLike<void> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function closedError(): SessionError {
  return new SessionError("CONNECTION_CLOSED", "the connection has ended");
}

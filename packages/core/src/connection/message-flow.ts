import { CloseCode } from "../base/close-codes.ts";
import { promiseOf } from "../base/promises.ts";
import type { Connection } from "../api/contract.ts";
import type { Stage } from "../api/error-context.ts";
import { Backlog } from "./backlog.ts";
import type { LifecycleBinding } from "./binding.ts";
import {
  BLOCKS_DELIVERY,
  BLOCKS_DIRECT_DELIVERY,
  BLOCKS_MESSAGES,
  Flow,
  HAD_SESSION_AND_OPENING,
} from "./flow.ts";

/**
 * Delivers a connection's messages to their handler: the gate, their order, and the limits of waiting messages (I1, I2, I3, I14).
 * `ConnectionLifecycle` extends the class with the start and the end of a connection.
 *
 * All classes of a connection have `private` or `protected` methods, and no `#` methods, because V8 adds a field to each object
 * for each class with `#` methods.
 */
export abstract class MessageFlow<Socket extends object> {
  abstract readonly binding: LifecycleBinding<Socket>;
  abstract readonly socket: Socket;
  abstract readonly publicConnection: Connection;
  /** The bits of `Flow`. The table at the head of flow.ts explains each. */
  protected flow: number = Flow.Ready;
  /** `undefined` until a message or a step has to wait. */
  protected backlog: Backlog<Socket> | undefined = undefined;

  protected abstract readonly hasSession: boolean;
  /** Whether the client is anonymous: it has neither a token nor a subject. */
  protected abstract readonly isAnonymous: boolean;
  protected abstract callMessage(data: string | Uint8Array): unknown;
  /** Calls the tap's `ready`: messages may come. Never throws. */
  protected abstract callTapReady(): void;
  /** A message arrived after the last check before the session's idle deadline. */
  protected abstract notifyActivity(): void;
  /** A handler failed. */
  protected abstract failed(stage: Stage, error: unknown): void;
  abstract end(code: number, reason: string): void;
  /** Called after all messages that may be handled now were handled. Runs the step that follows them, if it is due. */
  protected abstract advanceEnd(): void;

  /** Whether a message arrived since the flag was last cleared. */
  get isActive(): boolean {
    return (this.flow & Flow.Active) !== 0;
  }

  set isActive(isActive: boolean) {
    this.flow = isActive ? this.flow | Flow.Active : this.flow & ~Flow.Active;
  }

  get hasEnded(): boolean {
    return (this.flow & Flow.Ended) !== 0;
  }

  /** Whether the connection has ended, or this side is about to end it. */
  get isEnding(): boolean {
    return (this.flow & (Flow.Discarding | Flow.Ended)) !== 0;
  }

  /** Requests a call of `notifyActivity` at the next message. The common path of a message has no extra check for this. */
  touchOnNextMessage(): void {
    this.flow |= Flow.TouchOnMessage;
  }

  receive(data: string | Uint8Array, borrowed = false): void {
    this.flow |= Flow.Active;
    if ((this.flow & BLOCKS_DIRECT_DELIVERY) === Flow.Ready) this.deliver(data);
    else this.receiveSlowly(data, borrowed);
  }

  /** As `receive`, for a message that does not count as activity. */
  protected receiveQuietly(data: string): void {
    if (this.mayDeliver(data)) this.deliver(data);
    else if (!this.isEnding && (this.flow & Flow.Draining) === 0) this.enqueue(data);
  }

  /** Whether a message that has arrived may go to its handler at once. */
  private mayDeliver(data: string | Uint8Array): boolean {
    return (this.flow & BLOCKS_DELIVERY) === Flow.Ready && this.mayBegin(data);
  }

  /** Whether the handler of a message may begin while other handlers run. Without concurrency `Flow.Running` is never set. */
  private mayBegin(data: string | Uint8Array): boolean {
    return (this.flow & Flow.Running) === 0 || !this.runsAlone(data);
  }

  /** Whether no other message of the connection may be handled meanwhile. Called only with `maxConcurrentMessages` above 1. */
  protected runsAlone(_data: string | Uint8Array): boolean {
    return false;
  }

  /** Counts as activity, as a message does: an attach with `fresh` shows that a person opened the page. */
  protected markActive(): void {
    this.flow |= Flow.Active;
    if ((this.flow & Flow.TouchOnMessage) === 0) return;
    this.flow &= ~Flow.TouchOnMessage;
    this.notifyActivity();
  }

  /** Whether a handler runs, or a message waits for a handler. Messages at the gate do not count, because the gate may never open. */
  protected get isHandling(): boolean {
    const isWaiting = (this.flow & (Flow.Queued | Flow.Gated)) === Flow.Queued;
    return isWaiting || (this.flow & (Flow.Opening | Flow.Busy | Flow.Running)) !== 0;
  }

  /** Counts a refused message. Reports only the first one of a connection, because otherwise a client could fill the log. */
  protected refuseMessage(error: unknown): void {
    const { binding } = this;
    binding.diagnostics.messagesRefused += 1;
    if ((this.flow & Flow.Refused) !== 0) return;
    this.flow |= Flow.Refused;
    binding.report(error, { stage: "client", connection: this.publicConnection });
  }

  /** Makes messages wait, or lets them continue. */
  protected delayMessages(isDelayed: boolean): void {
    if (isDelayed) this.flow |= Flow.Attaching;
    else this.clearAndSchedule(Flow.Attaching);
  }

  private receiveSlowly(data: string | Uint8Array, borrowed: boolean): void {
    // Not counted, because some runtimes drop a message that comes after the close frame, and core does not see it (I4).
    if ((this.flow & Flow.Discarding) !== 0) return;
    if ((this.flow & Flow.TouchOnMessage) !== 0) {
      this.flow &= ~Flow.TouchOnMessage;
      this.notifyActivity();
    }
    const isDue = this.mayDeliver(data);
    // A handler uses borrowed bytes only until it returns. A tap, and a message that waits, need bytes of their own.
    const isKept = borrowed && (!isDue || (this.flow & Flow.Tapped) !== 0);
    const own = isKept && typeof data !== "string" ? Buffer.from(data) : data;
    if (isDue) this.deliver(own);
    else if ((this.flow & Flow.Draining) !== 0) this.binding.diagnostics.messagesDiscarded += 1;
    else this.enqueue(own);
  }

  /**
   * Passes one message to the handler. The next message waits until the handler has settled (I2), unless `maxConcurrentMessages`
   * allows it to begin at once.
   */
  private deliver(data: string | Uint8Array): void {
    this.flow |= Flow.Busy;
    const { binding } = this;
    const outer = binding.connectionOnStack;
    binding.connectionOnStack = this;
    try {
      const promise = promiseOf(this.callMessage(data));
      if (promise !== undefined) {
        binding.connectionOnStack = outer;
        const backlog = this.ownBacklog();
        promise.then(backlog.onSettled, backlog.onFailed);
        if (binding.settings.maxConcurrentMessages > 1) this.countRunning(backlog, data);
        return;
      }
    } catch (error) {
      this.failed("message", error);
    }
    binding.connectionOnStack = outer;
    this.flow &= ~Flow.Busy;
    if ((this.flow & BLOCKS_DELIVERY) !== Flow.Ready) this.scheduleAdvance();
  }

  /** Counts a handler that has not settled, and lets the next message begin if fewer run than may run. */
  private countRunning(backlog: Backlog<Socket>, data: string | Uint8Array): void {
    backlog.running += 1;
    this.flow |= Flow.Running;
    if (backlog.running < this.binding.settings.maxConcurrentMessages && !this.runsAlone(data))
      this.flow &= ~Flow.Busy;
  }

  /** The promise of a message's handler has settled. */
  private handled(): void {
    const { backlog } = this;
    if (backlog === undefined || backlog.running <= 1) this.flow &= ~Flow.Running;
    if (backlog !== undefined && backlog.running > 0) backlog.running -= 1;
    this.clearAndAdvance(Flow.Busy);
  }

  private enqueue(data: string | Uint8Array): void {
    const { settings, diagnostics } = this.binding;
    const backlog = this.ownBacklog();
    const { inbox } = backlog;
    const early = this.isEarly;
    const limits = early ? settings.early : settings.inbox;
    inbox.push(data);
    this.flow |= Flow.Queued;
    if (inbox.exceeds(limits) && (early || inbox.size > 1)) {
      diagnostics.limitsExceeded += 1;
      if (!early) this.end(CloseCode.InboxFull, "too many messages waiting");
      else if (this.hasSession) this.end(CloseCode.EarlyLimit, "too much before open has settled");
      else this.end(CloseCode.EarlyLimit, "too much before the session");
    } else backlog.pauseIfHigh(limits);
  }

  /**
   * Whether `early` limits the waiting messages, because the client is not authenticated (I14). The limit applies until the session is
   * set: with gate "open" the handler of a message may be logging the client in. The limit also applies to an anonymous client with a
   * session from `initial` until `open` has settled, because `open` may log the client in. For a client that resumed its session,
   * or whose subject is known, `inbox` applies.
   */
  private get isEarly(): boolean {
    if (!this.hasSession) return true;
    return (this.flow & HAD_SESSION_AND_OPENING) === HAD_SESSION_AND_OPENING && this.isAnonymous;
  }

  protected ownBacklog(): Backlog<Socket> {
    return (this.backlog ??= new Backlog(
      this.binding,
      this.socket,
      () => this.handled(),
      (error) => {
        this.failed("message", error);
        this.handled();
      },
    ));
  }

  protected unpause(): void {
    this.backlog?.unpause(!this.hasEnded);
  }

  /**
   * Whether a message that waits in its own handler, for an asynchronous schema, is discarded because this side has ended the
   * connection. Counts the message (I4).
   */
  discardsLate(): boolean {
    const discards = (this.flow & Flow.Discarding) !== 0;
    if (discards) this.binding.diagnostics.messagesDiscarded += 1;
    return discards;
  }

  /** Discards and counts the waiting messages (I4). */
  protected discard(): void {
    this.binding.diagnostics.messagesDiscarded += this.backlog?.inbox.clear() ?? 0;
    this.flow &= ~Flow.Queued;
  }

  // --- steps that are due ---

  /** Clears a bit, and continues at once with the messages that the bit delayed. Only where no application code is on the stack. */
  protected clearAndAdvance(bit: number): void {
    this.flow &= ~bit;
    if ((this.flow & BLOCKS_DIRECT_DELIVERY) !== Flow.Ready) this.advance();
  }

  /** Clears a bit while application code may be on the stack, and continues later with the messages that the bit delayed. */
  protected clearAndSchedule(bit: number): void {
    this.flow &= ~bit;
    if ((this.flow & BLOCKS_DIRECT_DELIVERY) !== Flow.Ready) this.scheduleAdvance();
  }

  /** Advances in a microtask: a call that the application makes never runs a handler before the call returns. */
  protected scheduleAdvance(): void {
    if ((this.flow & Flow.Scheduled) !== 0) return;
    this.flow |= Flow.Scheduled;
    queueMicrotask(() => {
      this.flow &= ~Flow.Scheduled;
      this.advance();
    });
  }

  /** Runs the steps that are due: waiting messages first, then the step after them. */
  private advance(): void {
    if ((this.flow & Flow.TapPending) !== 0) this.runTapReady();
    while ((this.flow & (BLOCKS_MESSAGES | Flow.Busy)) === 0) {
      const next = this.backlog?.inbox.peek();
      if (next === undefined || !this.mayBegin(next)) break;
      const message = this.backlog?.inbox.shift();
      if (message === undefined) break;
      if (this.backlog?.inbox.size === 0) {
        this.flow &= ~Flow.Queued;
        this.unpause();
      }
      this.deliver(message);
    }
    this.advanceEnd();
  }

  /** The tap gets the connection before its first message, once `open` has settled and the gate is open. */
  private runTapReady(): void {
    if ((this.flow & (Flow.Opening | Flow.Gated)) !== 0) return;
    this.flow &= ~Flow.TapPending;
    if ((this.flow & Flow.Discarding) === 0) this.callTapReady();
  }
}

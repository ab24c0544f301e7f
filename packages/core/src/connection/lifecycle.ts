/**
 * A connection's life, in five verbs: `start`, `receive` (message-flow.ts), `end` (this side ends the connection), `ended`
 * (the socket has ended), `finish`. The bits of `Flow` are the state of the connection, and flow.ts has the table of them.
 */
import { isTransactionRefused } from "@wsession/protocol";
import type { CloseInfo } from "../api/contract.ts";
import type { Stage } from "../api/error-context.ts";
import type { RuntimeConnection } from "../api/runtime.ts";
import { assertNone } from "../base/arguments.ts";
import { clipReason, CloseCode, isCleanLeave } from "../base/close-codes.ts";
import type { Deadline } from "../base/deadlines.ts";
import type { ReleaseReason } from "../store/presence-contract.ts";
import { isAboutTheEnd, isSessionError } from "../base/errors.ts";
import { isThenable, promiseOf } from "../base/promises.ts";
import type { Handshake } from "../handshake/handshake.ts";
import { endOfSocket, protocolErrorOf, TERMINATED } from "./close-info.ts";
import { ClosingHandshake } from "./closing-handshake.ts";
import { BLOCKS_CLOSE, Flow } from "./flow.ts";
import { MessageFlow } from "./message-flow.ts";

/** Decides when a connection's handlers run, from its start to its end. `LiveConnection` supplies their arguments. */
export abstract class ConnectionLifecycle<Socket extends object>
  extends MessageFlow<Socket>
  implements RuntimeConnection
{
  /** The time limit for the session to be set. After the end: the time limit for the peer, or for the handlers. */
  #deadline: Deadline | undefined = undefined;
  #event: CloseInfo | undefined = undefined;

  protected abstract callOpen(handshake: Handshake): unknown;
  protected abstract callClose(event: CloseInfo): unknown;
  /** The connection no longer counts as live: the socket has ended, or this side is ending it. Called once. */
  protected abstract notifyClosed(): void;
  /** The socket has ended. Called once. */
  protected abstract notifyEnded(info: CloseInfo): void;
  /** The close handler has settled, or has run longer than `handlerTimeoutMs`. May be called twice. */
  protected abstract notifyFinished(): void;
  abstract drained(): void;

  // --- start ---

  /**
   * Calls `open` in the tick in which the runtime provided the socket, before any message (I1). If the store creates the session
   * asynchronously, `creating` is given: then `open` is called once `creating` has resolved, and messages wait until then.
   */
  start(handshake: Handshake, creating?: Promise<unknown>): void {
    this.flow |= Flow.Opening;
    if (creating === undefined) return this.runOpen(handshake);
    this.flow |= Flow.Unopened;
    const created = () => {
      if (this.isEnding) return this.clearAndAdvance(Flow.Opening);
      this.flow &= ~Flow.Unopened;
      this.runOpen(handshake);
    };
    creating.then(created, (error: unknown) => {
      this.failed("initial", error);
      this.clearAndAdvance(Flow.Opening);
    });
    this.watchEarly();
  }

  /** The session of `initial` could not be created, and the connection is ending: neither `open` nor `close` is called. */
  skipOpen(): void {
    this.flow |= Flow.Unopened;
  }

  private runOpen(handshake: Handshake): void {
    if (this.hasSession) this.flow |= Flow.HadSession;
    if (this.binding.settings.gate === "session" && !this.hasSession) this.flow |= Flow.Gated;
    let waits = false;
    const { binding } = this;
    const outer = binding.connectionOnStack;
    binding.connectionOnStack = this;
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
    binding.connectionOnStack = outer;
    if (!waits) this.clearAndSchedule(Flow.Opening);
    this.watchEarly();
  }

  /** Limits the time until the session is set. Once the session is set, `open` has no time limit. */
  private watchEarly(): void {
    const { timeoutMs } = this.binding.settings.early;
    if (this.hasSession || timeoutMs === Infinity || (this.flow & Flow.Discarding) !== 0) return;
    this.#deadline = this.binding.deadlines.allow(timeoutMs, () =>
      this.end(CloseCode.SessionTimeout, "session not set in time"),
    );
  }

  /** The session is set. */
  protected openGate(): void {
    this.clearAndSchedule(Flow.Gated);
    // After the end `#deadline` is the time limit for the handlers, which must stay.
    if (this.#deadline === undefined || this.hasEnded) return;
    this.#deadline.cancel();
    this.#deadline = undefined;
  }

  // --- failures ---

  /**
   * A handler failed: its connection ends, and no other connection (I12). A refused message does not end the connection, because
   * the mistake is the client's.
   */
  protected failed(stage: Stage, error: unknown): void {
    if (stage === "message" && isTransactionRefused(error, "INVALID_MESSAGE"))
      return this.refuseMessage(error);
    // A READY_TIMEOUT before the session is set means that the client did not log in, whatever `timeoutMs` the handler passed.
    const isLate = isSessionError(error, "READY_TIMEOUT") && !this.hasSession;
    if (isLate) this.binding.diagnostics.handlersCutShort += 1;
    else this.reportFailure(stage, error);
    if (isLate) this.end(CloseCode.SessionTimeout, "session not set in time");
    else if (isSessionError(error, "STORE_UNAVAILABLE"))
      this.end(CloseCode.StoreUnavailable, "store unavailable");
    else this.end(CloseCode.HandlerFailed, "handler failed");
  }

  /** Only counts a failure that follows from the end of the connection, because otherwise clients that leave would fill the log. */
  protected reportFailure(stage: Stage, error: unknown): void {
    if (this.isEnding && this.isConsequence(error)) this.binding.diagnostics.handlersCutShort += 1;
    else this.binding.report(error, { stage, connection: this.publicConnection });
  }

  protected isConsequence(error: unknown): boolean {
    if (isAboutTheEnd(error)) return true;
    // The first failure of the store was reported and ended the connection. Its other calls fail for the same cause.
    return this.#event?.code === CloseCode.StoreUnavailable && isSessionError(error, "STORE_UNAVAILABLE");
  }

  // --- end ---

  /** Why the connection ended, for the store; `undefined` for a lost connection, and for an end by this side. */
  get releaseReason(): ReleaseReason | undefined {
    if (this.#event?.code === CloseCode.Expired) return "expired";
    return (this.flow & Flow.LeftCleanly) === 0 ? undefined : "left";
  }

  terminate(surplus?: undefined): void {
    assertNone("terminate()", surplus);
    if (this.hasEnded) return;
    this.#event ??= TERMINATED;
    this.stop();
    this.markClosed();
    this.binding.runtime.terminate(this.socket);
  }

  /**
   * Ends the connection from this side: waiting messages are discarded and counted (I4), and the connection no longer counts as
   * live. The close handler is called once the socket has ended. `ClosingHandshake` limits the time until then.
   */
  end(code: number, reason: string): void {
    if ((this.flow & Flow.Discarding) !== 0) return;
    const ended = this.hasEnded;
    // The reason of a `destroy`, maybe of another process, may be too long for a close frame.
    const clipped = clipReason(reason);
    if (!ended) this.#event = { code, reason: clipped, by: "server" };
    this.stop();
    if (ended) return this.scheduleAdvance();
    this.markClosed();
    const { runtime, deadlines } = this.binding;
    runtime.close(this.socket, code, clipped);
    if (!this.hasEnded) this.#deadline = new ClosingHandshake(runtime, deadlines, this.socket);
  }

  /** As `end`, after the messages that have arrived were handled. Later messages are discarded and counted. */
  endHandled(code: number, reason: string): void {
    if (this.isEnding) return;
    if (!this.isHandling) return this.end(code, reason);
    this.flow |= Flow.Draining;
    this.ownBacklog().ending = { code, reason };
  }

  private markClosed(): void {
    if ((this.flow & Flow.Closed) !== 0) return;
    this.flow |= Flow.Closed;
    this.notifyClosed();
  }

  private stop(): void {
    this.flow |= Flow.Discarding;
    this.discard();
    if (!this.hasEnded) this.#deadline?.cancel();
    this.unpause();
  }

  // --- ended ---

  /** How the connection ended; `undefined` until the socket has ended. */
  protected get closeInfo(): CloseInfo | undefined {
    return this.hasEnded ? this.#event : undefined;
  }

  ended(code: number, reason: string, by?: CloseInfo["by"]): void {
    if (this.hasEnded) return;
    this.flow |= Flow.Ended;
    if (this.#event === undefined) {
      if (isCleanLeave(code)) this.flow |= Flow.LeftCleanly;
      const error = protocolErrorOf(code, reason, by);
      if (error !== undefined)
        this.binding.report(error, { stage: "client", connection: this.publicConnection });
    }
    // If this side ended the connection, the socket only reports the answer.
    this.#event ??= endOfSocket(code, reason, by);
    this.notifyEnded(this.#event);
    this.#deadline?.cancel();
    this.#deadline = undefined;
    this.unpause();
    this.markClosed();
    if ((this.flow & Flow.Forced) !== 0) this.forceFinish();
    else if ((this.flow & BLOCKS_CLOSE) !== 0) {
      const { deadlines, settings } = this.binding;
      this.#deadline = deadlines.allow(settings.handlerTimeoutMs, () => this.forceFinish());
    }
    this.scheduleAdvance();
  }

  /**
   * Calls `close` although handlers have not settled: a handler has used up its time, or may await the shutdown. Messages that
   * wait behind the handler are discarded and counted.
   */
  forceFinish(): void {
    if ((this.flow & Flow.Finished) !== 0) return;
    this.flow |= Flow.Forced;
    if (!this.hasEnded) return;
    this.flow |= Flow.Discarding;
    this.discard();
    this.scheduleAdvance();
  }

  /**
   * Makes the shutdown wait for no handler of this connection, not even the close handler. The handler that called for the shutdown
   * may await the shutdown, and the two would wait for each other (deadlock).
   */
  excludeFromShutdown(): void {
    if ((this.flow & Flow.Finished) === 0) this.forceFinish();
    else this.notifyFinished();
  }

  // --- finish ---

  protected advanceEnd(): void {
    const ending = this.backlog?.ending;
    if (ending !== undefined && !this.isEnding && !this.isHandling) this.end(ending.code, ending.reason);
    const gateStaysShut = (this.flow & (Flow.Ended | Flow.Gated)) === (Flow.Ended | Flow.Gated);
    if (gateStaysShut && (this.flow & Flow.Opening) === 0) this.discard();
    const mayClose = (this.flow & BLOCKS_CLOSE) === 0 || (this.flow & Flow.Forced) !== 0;
    if (mayClose && (this.flow & (Flow.Ended | Flow.Finished)) === Flow.Ended) this.finish();
  }

  /** Calls the close handler, and waits for it up to `handlerTimeoutMs`. */
  private finish(): void {
    this.flow |= Flow.Finished | Flow.Discarding;
    this.#deadline?.cancel();
    if ((this.flow & Flow.Unopened) !== 0) return this.notifyFinished();
    const report = (error: unknown) => this.reportFailure("close", error);
    let closing: Promise<unknown> | undefined;
    const { binding } = this;
    const outer = binding.connectionOnStack;
    binding.connectionOnStack = this;
    try {
      const result = this.callClose(this.#event ?? TERMINATED);
      // promiseOf returns a native promise itself, whose `then` may throw. Here that becomes a rejection.
      if (isThenable(result)) closing = new Promise((resolve) => resolve(result));
    } catch (error) {
      report(error);
    }
    binding.connectionOnStack = outer;
    if (closing === undefined) return this.notifyFinished();
    const { deadlines, settings } = binding;
    const timeout = deadlines.allow(settings.handlerTimeoutMs, () => this.notifyFinished());
    closing.catch(report).finally(() => {
      timeout.cancel();
      this.notifyFinished();
    });
  }
}

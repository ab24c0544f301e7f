import type { Awaitable } from "@wsession/protocol";
import type { Connection, ReadyOptions, Renewal, Session } from "../api/contract.ts";
import { assertMethods, assertNoMore, assertOptions, shown } from "../base/arguments.ts";
import { connectionClosedError, invalidArgument, isAboutTheEnd, isSessionError } from "../base/errors.ts";
import { owned } from "../base/owned-promise.ts";
import { SessionHandle } from "../session/handle.ts";
import type { KeptRun } from "../session/kept-run.ts";
import type { LocalSession } from "../session/local-session.ts";
import type { PendingDecision } from "../session/pending.ts";
import type { FoundSession, UnattachedConnection } from "../session/unattached-connection.ts";
import { ReadyWaiters } from "./ready-waiters.ts";
import { Flow } from "./flow.ts";
import { SendingConnection } from "./sending.ts";

/** The state of a connection whose session is not set yet. Created on demand, because few connections need the object. */
interface Expectation<Data extends object> {
  /** The subject of the session to come, as `admit` decided; `undefined`: no subject. */
  decision: PendingDecision | undefined;
  readyWaiters: ReadyWaiters<Session<Data>> | undefined;
  setting: Promise<void> | undefined;
}

const SIGNAL_METHODS = ["addEventListener", "removeEventListener"];

/**
 * Links a connection to its session. Before the session is set, the class keeps the callers that wait for the session. After that
 * the class keeps the connection's handle.
 */
export abstract class SessionSlot<Data extends object, Socket extends object>
  extends SendingConnection<Socket>
  implements UnattachedConnection<Data>
{
  fence = 0;
  /** A private field. A log entry or a JSON text of the connection would show the token if the field were public. */
  #token: string | undefined = undefined;
  #state: LocalSession<Data> | undefined = undefined;
  #handle: Session<Data> | undefined = undefined;
  #expectation: Expectation<Data> | undefined = undefined;

  abstract readonly id: string;
  abstract override readonly publicConnection: Connection<Data, unknown, never>;
  abstract changed(data: Readonly<Data>): void;
  abstract expiring(remainingMs: number, deadline: "absolute" | "idle"): void;
  abstract onKept(run: KeptRun, isAgain: boolean): void;
  abstract onRenewed(renewal: Renewal): void;
  /** Creates a session and attaches it, in the same tick if the store answers synchronously. */
  protected abstract createSession(data: Data): Awaitable<void>;

  /** The decision of `admit` about the session that is set later. */
  get decision(): PendingDecision | undefined {
    return this.#expectation?.decision;
  }

  set decision(decision: PendingDecision | undefined) {
    this.expectation.decision = decision;
    if (decision !== undefined) decision.connection = this;
  }

  get token(): string | undefined {
    return this.#token;
  }

  set token(token: string | undefined) {
    this.#token = token;
  }

  private get expectation(): Expectation<Data> {
    return (this.#expectation ??= { decision: undefined, readyWaiters: undefined, setting: undefined });
  }

  get resumed(): boolean {
    return (this.flow & Flow.Resumed) !== 0;
  }

  set resumed(resumed: boolean) {
    this.flow = resumed ? this.flow | Flow.Resumed : this.flow & ~Flow.Resumed;
  }

  get state(): LocalSession<Data> | undefined {
    return this.#state;
  }

  protected get hasSession(): boolean {
    return this.#state !== undefined;
  }

  protected get isAnonymous(): boolean {
    return !this.resumed && this.#state?.subject === undefined;
  }

  get isInTransaction(): boolean {
    return (this.flow & Flow.InTransaction) !== 0;
  }

  setSession(data: Data, surplus?: undefined): Promise<Session<Data>> {
    assertNoMore("setSession()", surplus);
    return owned(this.setSessionData(data), this);
  }

  private setSessionData(data: Data): Promise<Session<Data>> {
    if (this.isEnding) return Promise.reject(connectionClosedError());
    const session = this.ownSession();
    if (session !== undefined) return session.set(data).then(() => session);
    const before = this.#expectation?.setting;
    if (before !== undefined) {
      const again = () => this.setSessionData(data);
      return before.then(again, again);
    }
    return this.create(data);
  }

  private async create(data: Data): Promise<Session<Data>> {
    const creating = this.createSession(data);
    if (creating !== undefined) {
      this.expectation.setting = Promise.resolve(creating);
      try {
        await creating;
      } finally {
        this.expectation.setting = undefined;
      }
    }
    const session = this.ownSession();
    if (session === undefined) throw connectionClosedError();
    return session;
  }

  /** Attaches the session: opens the gate, and resolves the promises of `ready`. */
  attach(state: LocalSession<Data>, fence: number, _found: FoundSession | undefined): void {
    this.#state = state;
    this.fence = fence;
    state.addConnection(this);
    // The handle is created on demand, because an idle connection needs none.
    this.#expectation?.readyWaiters?.resolve(this.handleOf(state));
    this.openGate();
  }

  ready(options: ReadyOptions = {}, surplus?: undefined): Promise<Session<Data>> {
    assertOptions("ready()", options, ["signal", "timeoutMs"]);
    assertNoMore("ready()", surplus);
    const { signal, timeoutMs = this.binding.settings.early.timeoutMs } = options;
    if (signal !== undefined) assertMethods("signal", signal, "an AbortSignal", SIGNAL_METHODS);
    if (typeof timeoutMs !== "number" || Number.isNaN(timeoutMs))
      throw invalidArgument(`timeoutMs must be a number of milliseconds, not ${shown(timeoutMs)}`);
    return owned(this.awaitSession(timeoutMs, signal), {
      unhandled: (error) => this.readyUnhandled(error, signal),
    });
  }

  private awaitSession(timeoutMs: number, signal: AbortSignal | undefined): Promise<Session<Data>> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const session = this.ownSession();
    if (session !== undefined) return Promise.resolve(session);
    if (this.hasEnded) return Promise.reject(connectionClosedError());
    return (this.expectation.readyWaiters ??= new ReadyWaiters()).wait(
      this.binding.deadlines,
      timeoutMs,
      signal,
    );
  }

  /**
   * An unawaited `ready` that got no session is only counted. An error that the application threw after `ready` is reported.
   */
  private readyUnhandled(error: unknown, signal: AbortSignal | undefined): void {
    const isAborted = signal?.aborted === true && error === signal.reason;
    if (isAborted || isAboutTheEnd(error) || isSessionError(error, "READY_TIMEOUT"))
      this.binding.diagnostics.handlersCutShort += 1;
    else this.unhandled(error);
  }

  /** Handles the failure of a call that was not awaited, on this connection or its session, as a failure of the handler (I12). */
  unhandled(error: unknown): void {
    this.failed("unhandled", error);
  }

  protected ownSession(): Session<Data> | undefined {
    return this.#state === undefined ? undefined : this.handleOf(this.#state);
  }

  private handleOf(state: LocalSession<Data>): Session<Data> {
    return (this.#handle ??= new SessionHandle(state, this));
  }

  /** The connection has ended, so its session will not be set any more. */
  protected stopExpecting(): void {
    this.#expectation?.decision?.dispose();
    this.#expectation?.readyWaiters?.reject(connectionClosedError());
  }
}

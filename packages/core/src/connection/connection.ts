import { assertClose } from "../base/close-codes.ts";
import { SendingConnection } from "./sending.ts";
import type { SendingContext } from "./sending.ts";
import type { CloseEvent } from "./context.ts";
import type { Connection, Handlers, ReadyOptions, Renewal, ReplayEvent, Session } from "../api/contract.ts";
import { assertMethods, assertNoMore, assertOptions, shown } from "../base/arguments.ts";
import { connectionClosedError, invalidArgument, isAboutTheEnd, isSessionError } from "../base/errors.ts";
import type { Awaitable, Position } from "@wsession/protocol";
import type { Handshake } from "../handshake/handshake.ts";
import type { Settings } from "../api/options.ts";
import type { KeptRun } from "../session/kept-run.ts";
import type { LocalSession } from "../session/local-session.ts";
import type { SessionConnection } from "../session/session-connection.ts";
import { SessionHandle } from "../session/handle.ts";
import { owned } from "../base/owned-promise.ts";
import type { PendingDecision } from "../session/pending.ts";
import { isThenable, promiseOf } from "../base/promises.ts";
import { sinceEpoch, TransportRecord } from "./transport.ts";
import { ReadyWaiters } from "./ready-waiters.ts";

/** What all connections of one binding share. `ServerBinding` implements the interface: connections call up through it. */
export interface ConnectionContext<
  Data extends object,
  Transport,
  Unset extends undefined,
  Socket extends object,
> extends SendingContext<Socket> {
  readonly handlers: Handlers<Data, Transport, Unset>;
  readonly settings: Settings<Data, Transport>;
  /** The first part of a connection's id, which tells the connections of different processes apart in logs. */
  readonly prefix: string;
  /** Creates a session for a connection that has none, and attaches it; in the same tick where the store answers so. */
  createFor(connection: LiveConnection<Data, Transport, Unset, Socket>, data: Data): Awaitable<void>;
  /** The socket has ended, or this side is ending the connection: the session has one connection less. */
  onConnectionClosed(connection: LiveConnection<Data, Transport, Unset, Socket>): void;
  /** A message came for a session whose idle deadline is near. */
  touchBeforeIdleDeadline(state: LocalSession<Data>): void;
  /** The close handler has settled, or has hung past its time: nothing refers to the connection any more. Idempotent. */
  onConnectionFinished(connection: LiveConnection<Data, Transport, Unset, Socket>): void;
}

/** What a connection needs whose session is set after `open`. Few do, so the object is created on demand. */
interface Expectation<Data extends object> {
  /** The subject of the session to come, as `admit` decided; `undefined`: no subject. */
  decision: PendingDecision | undefined;
  readyWaiters: ReadyWaiters<Session<Data>> | undefined;
  setting: Promise<void> | undefined;
}

const SIGNAL_METHODS = ["addEventListener", "removeEventListener"];

/** One live WebSocket, as the application sees it. When its handlers run is `ConnectionLifecycle`'s. */
export class LiveConnection<Data extends object, Transport, Unset extends undefined, Socket extends object>
  extends SendingConnection<Socket>
  implements Connection<Data, Transport, Unset>, SessionConnection<Data>
{
  readonly context: ConnectionContext<Data, Transport, Unset, Socket>;
  readonly socket: Socket;
  /** The connection's number, unique in the process. */
  readonly number: number;
  fence = 0;
  resumed = false;
  token: string | undefined = undefined;
  /** What the transport record is made of. `#transportData` is the record itself once the application has read it. */
  readonly #remoteAddress: string | undefined;
  readonly #encrypted: boolean;
  readonly #openedAfter: number = sinceEpoch();
  #transportData: Transport | TransportRecord<Transport>;
  #state: LocalSession<Data> | undefined = undefined;
  #handle: Session<Data> | undefined = undefined;
  #expectation: Expectation<Data> | undefined = undefined;

  constructor(
    context: ConnectionContext<Data, Transport, Unset, Socket>,
    socket: Socket,
    number: number,
    { remoteAddress, encrypted }: Pick<Handshake, "remoteAddress" | "encrypted">,
    transport: Transport,
  ) {
    super();
    this.context = context;
    this.socket = socket;
    this.number = number;
    this.#remoteAddress = remoteAddress;
    this.#encrypted = encrypted;
    this.#transportData = transport;
  }

  get transport(): TransportRecord<Transport> {
    const data = this.#transportData;
    if (data instanceof TransportRecord) return data;
    const record = new TransportRecord(this.#remoteAddress, this.#encrypted, this.#openedAfter, data);
    this.#transportData = record;
    return record;
  }

  get id(): string {
    return `${this.context.prefix}-${this.number.toString(36)}`;
  }

  get runtime(): "ws" | "uws" {
    return this.context.runtime.name;
  }

  get publicConnection(): Connection<Data> {
    return this;
  }

  get session(): Session<Data> | Unset {
    // Without a session `Unset` is `undefined`; where it is `never`, `initial` has set the session before `open`.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the overloads of createSessions see to it
    return this.ownSession() ?? (undefined as Unset);
  }

  /** What `admit` decided about the session that is set later. */
  get decision(): PendingDecision | undefined {
    return this.#expectation?.decision;
  }

  set decision(decision: PendingDecision | undefined) {
    this.expectation.decision = decision;
    if (decision !== undefined) decision.connection = this;
  }

  private get expectation(): Expectation<Data> {
    return (this.#expectation ??= { decision: undefined, readyWaiters: undefined, setting: undefined });
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

  // --- the session ---

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
    const creating = this.context.createFor(this, data);
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
  attach(state: LocalSession<Data>, fence: number, _outbox: Position | undefined): void {
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
    const { signal, timeoutMs = this.context.settings.early.timeoutMs } = options;
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
      this.context.deadlines,
      timeoutMs,
      signal,
    );
  }

  /**
   * A `ready` that nobody awaited and that got no session is counted alone. An error that the application's code threw after
   * `ready` is reported.
   */
  private readyUnhandled(error: unknown, signal: AbortSignal | undefined): void {
    const isAborted = signal?.aborted === true && error === signal.reason;
    if (isAborted || isAboutTheEnd(error) || isSessionError(error, "READY_TIMEOUT"))
      this.context.diagnostics.handlersCutShort += 1;
    else this.unhandled(error);
  }

  /** A call on this connection or its session failed, and nobody awaited the call: as if the handler had failed (I12). */
  unhandled(error: unknown): void {
    this.failed("unhandled", error);
  }

  private ownSession(): Session<Data> | undefined {
    return this.#state === undefined ? undefined : this.handleOf(this.#state);
  }

  private handleOf(state: LocalSession<Data>): Session<Data> {
    return (this.#handle ??= new SessionHandle(state, this));
  }

  // --- events ---

  /** Delivers kept messages as ordinary ones. What the peer may have had before is not sent a second time. */
  onKept({ entries }: KeptRun, isAgain: boolean): void {
    if (isAgain) return;
    for (const { data } of entries) if (data !== undefined) this.send(data);
  }

  /** The application itself tells a raw client of its new token. */
  onRenewed(_renewal: Renewal): void {}

  /** The connection will be ended within so many milliseconds. */
  announceEnd(_ms: number): void {}

  protected notifyDrained(): void {
    const { handlers } = this.context;
    if (handlers.drain !== undefined) this.callDetached("drain", () => handlers.drain?.(this));
  }

  heartbeat(): void {
    const { runtime, settings } = this.context;
    if (!this.isEnding) runtime.heartbeat(this.socket, settings.heartbeatMs);
  }

  changed(data: Readonly<Data>): void {
    const { handlers } = this.context;
    if (handlers.change !== undefined && !this.isEnding)
      this.callDetached("change", () => handlers.change?.(this, data));
  }

  /** The absolute deadline is near. */
  expiring(remainingMs: number): void {
    const { handlers } = this.context;
    if (handlers.expiring !== undefined && !this.isEnding)
      this.callDetached("expiring", () => handlers.expiring?.(this, remainingMs));
  }

  /** Calls a handler that nothing waits for. If the handler fails, now or later, the connection ends all the same (I12). */
  private callDetached(stage: "drain" | "change" | "expiring", call: () => unknown): void {
    try {
      const result = call();
      if (isThenable(result)) Promise.resolve(result).catch((error: unknown) => this.failed(stage, error));
    } catch (error) {
      this.failed(stage, error);
    }
  }

  close(code = 1000, reason = "", surplus?: undefined): void {
    assertClose(code, reason);
    assertNoMore("close()", surplus);
    this.end(code, reason);
  }

  // --- what the lifecycle calls ---

  protected callOpen(handshake: Handshake): unknown {
    const { open, resumed } = this.context.handlers;
    if (resumed === undefined || !this.resumed) return open?.(this, handshake);
    const opening = promiseOf(open?.(this, handshake));
    const opened = () => this.callResumed({ replayed: 0, missed: undefined });
    return opening === undefined ? opened() : opening.then(opened);
  }

  /** Calls the handler `resumed`; messages wait until it has settled. Never throws, and never rejects. */
  protected callResumed(event: ReplayEvent): Promise<unknown> | undefined {
    if (this.isEnding) return undefined;
    const failed = (error: unknown) => this.failed("resumed", error);
    try {
      return promiseOf(this.context.handlers.resumed?.(this, event))?.catch(failed);
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  protected callMessage(data: string | Uint8Array): unknown {
    return this.context.handlers.message?.(this, data);
  }

  protected callClose(event: CloseEvent): unknown {
    return this.context.handlers.close?.(this, event);
  }

  protected notifyClosed(): void {
    this.context.onConnectionClosed(this);
    this.#expectation?.decision?.dispose();
    this.#expectation?.readyWaiters?.reject(connectionClosedError());
  }

  protected notifyActivity(): void {
    if (this.#state !== undefined) this.context.touchBeforeIdleDeadline(this.#state);
  }

  protected notifyFinished(): void {
    this.context.onConnectionFinished(this);
  }
}

/** The connection that the application gets, and the interface through which a connection calls its binding. */
import { assertClose } from "../base/close-codes.ts";
import { TapSlot } from "./tap-slot.ts";
import type { SendingBinding } from "./sending.ts";
import type { CloseInfo, Connection, Renewal, ReplayEvent, Session } from "../api/contract.ts";
import type { Handlers } from "../api/handlers.ts";
import { assertNoMore } from "../base/arguments.ts";
import type { Awaitable } from "@wsession/protocol";
import type { Settings } from "../api/settings.ts";
import type { KeptRun } from "../session/kept-run.ts";
import type { LocalSession } from "../session/local-session.ts";
import { callDetached, promiseOf } from "../base/promises.ts";
import { inContextOf, telemetry } from "../base/telemetry.ts";
import type {
  ConnectionCloseTelemetry,
  ConnectionOpenTelemetry,
  MessageBegun,
} from "../base/telemetry-events.ts";
import type { Handshake } from "../handshake/handshake.ts";
import { ConnectionDetails } from "./details.ts";
import { Flow } from "./flow.ts";
import { sinceEpoch, TransportRecord } from "./transport.ts";

/** The parts of an admitted handshake that its connection keeps. */
export interface AdmittedConnection {
  readonly handshake: Pick<Handshake, "remoteAddress" | "encrypted">;
  /** The data of the transport record. */
  readonly transport: unknown;
  /** The option `context` of `accept`. */
  readonly context: unknown;
}

/** Shared by all connections of a binding. `ServerBinding` implements the interface: connections call up through it. */
export interface ConnectionBinding<
  Data extends object,
  Socket extends object,
> extends SendingBinding<Socket> {
  readonly handlers: Handlers<Data, unknown, never, unknown, Socket>;
  readonly settings: Settings<Data>;
  /** The first part of a connection's id, which distinguishes the connections of different processes in logs. */
  readonly prefix: string;
  /**
   * Creates a session for a connection without one, and attaches the session; in the same tick if the store answers
   * synchronously.
   */
  createFor(connection: LiveConnection<Data, Socket>, data: Data): Awaitable<void>;
  /** The socket has ended, or this side is ending the connection. The connection no longer counts for its session. */
  onConnectionClosed(connection: LiveConnection<Data, Socket>): void;
  /** A message arrived for a session whose idle deadline is near. */
  touchBeforeIdleDeadline(state: LocalSession<Data>): void;
  /** The close handler has settled, or has run longer than `handlerTimeoutMs`. Removes the connection. Idempotent. */
  onConnectionFinished(connection: LiveConnection<Data, Socket>): void;
}

/** One live WebSocket: the object that the application gets. `ConnectionLifecycle` decides when the handlers run. */
export class LiveConnection<Data extends object, Socket extends object>
  extends TapSlot<Data, Socket>
  implements Connection<Data, unknown, never, unknown, Socket>
{
  readonly binding: ConnectionBinding<Data, Socket>;
  readonly socket: Socket;
  /** The connection's number, unique in the process. */
  readonly number: number;
  /** The parts of the transport record. */
  readonly #remoteAddress: string | undefined;
  readonly #openedAfter: number = sinceEpoch();
  /**
   * One of three: the transport's data; a TransportRecord, once the application has read `transport`; or ConnectionDetails, which
   * then has the data or the record. One field for all three, because each field costs memory on every connection.
   */
  #record: unknown;

  constructor(
    binding: ConnectionBinding<Data, Socket>,
    socket: Socket,
    number: number,
    { handshake, transport, context }: AdmittedConnection,
    protocol: string,
  ) {
    super();
    this.binding = binding;
    this.socket = socket;
    this.number = number;
    this.#remoteAddress = handshake.remoteAddress;
    if (handshake.encrypted) this.flow |= Flow.Encrypted;
    this.#record = transport;
    if (context !== undefined) this.context = context;
    if (protocol !== "") this.details.protocol = protocol;
  }

  get transport(): TransportRecord<unknown> {
    const details = this.#record instanceof ConnectionDetails ? this.#record : undefined;
    const data = details === undefined ? this.#record : details.transport;
    if (data instanceof TransportRecord) return data;
    const encrypted = (this.flow & Flow.Encrypted) !== 0;
    const record = new TransportRecord(this.#remoteAddress, encrypted, this.#openedAfter, data);
    if (details === undefined) this.#record = record;
    else details.transport = record;
    return record;
  }

  get context(): unknown {
    return this.#record instanceof ConnectionDetails ? this.#record.context : undefined;
  }

  set context(context: unknown) {
    this.details.context = context;
  }

  get protocol(): string {
    return this.#record instanceof ConnectionDetails ? this.#record.protocol : "";
  }

  get closed(): Promise<CloseInfo> {
    return this.details.closed(this.closeInfo);
  }

  private get details(): ConnectionDetails {
    if (this.#record instanceof ConnectionDetails) return this.#record;
    const details = new ConnectionDetails(this.#record);
    this.#record = details;
    return details;
  }

  get id(): string {
    return `${this.binding.prefix}-${this.number.toString(36)}`;
  }

  get runtime(): string {
    return this.binding.runtime.name;
  }

  get publicConnection(): Connection<Data, unknown, never> {
    return this;
  }

  /**
   * Core uses the types of the option `initial`, with which the session is always set. Without `initial` the overloads of
   * `createSessions` declare that the session may be `undefined`.
   */
  get session(): Session<Data> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the overloads of createSessions ensure it
    return this.ownSession() ?? (undefined as never);
  }

  // --- events ---

  /** Delivers kept messages as ordinary messages. Does not repeat messages that the peer may have got before. */
  onKept({ entries }: KeptRun, isAgain: boolean): void {
    if (isAgain) return;
    for (const { data } of entries) if (data !== undefined) this.send(data);
  }

  /** Does nothing for a raw client: the application itself sends the new token. */
  onRenewed(_renewal: Renewal): void {}

  /** Whether the client supports `announceEnd`, so that it can connect elsewhere before this connection ends. */
  get canMove(): boolean {
    return false;
  }

  /**
   * Announces the end of the connection to the client, which should connect elsewhere within this number of milliseconds. Returns
   * false before hello was sent, because the client would ignore the frame.
   */
  announceEnd(_ms: number): boolean {
    return true;
  }

  protected notifyDrained(): void {
    this.callTap((tap) => tap.drained());
    const { handlers } = this.binding;
    if (handlers.drain !== undefined) this.callDetached("drain", () => handlers.drain?.(this));
  }

  heartbeat(): void {
    const { runtime, settings } = this.binding;
    if (!this.isEnding) runtime.heartbeat(this.socket, settings.heartbeatMs, settings.silentHeartbeats);
  }

  changed(data: Readonly<Data>): void {
    const { handlers } = this.binding;
    if (handlers.change !== undefined && !this.isEnding)
      this.callDetached("change", () => handlers.change?.(this, data));
  }

  /** A deadline is near. */
  expiring(remainingMs: number, deadline: "absolute" | "idle"): void {
    const { handlers } = this.binding;
    if (handlers.expiring !== undefined && !this.isEnding)
      this.callDetached("expiring", () => handlers.expiring?.(this, remainingMs, deadline));
  }

  /** Calls a handler without waiting for its promise. If the handler fails, now or later, the connection ends (I12). */
  private callDetached(stage: "drain" | "change" | "expiring", handler: () => unknown): void {
    void callDetached(handler, (error) => this.failed(stage, error));
  }

  close(code = 1000, reason = "", surplus?: undefined): void {
    assertClose(code, reason);
    assertNoMore("close()", surplus);
    this.end(code, reason);
  }

  // --- called by the lifecycle ---

  protected createSession(data: Data): Awaitable<void> {
    return this.binding.createFor(this, data);
  }

  protected callOpen(handshake: Handshake): unknown {
    const { open, resumed } = this.binding.handlers;
    if (resumed === undefined || !this.resumed) return open?.(this, handshake);
    const opening = promiseOf(open?.(this, handshake));
    const opened = () => this.callResumed({ replayed: 0, missed: undefined });
    return opening === undefined ? opened() : opening.then(opened);
  }

  /** Calls the handler `resumed`; messages wait until it has settled. Never throws, and never rejects. */
  protected callResumed(event: ReplayEvent): Promise<unknown> | undefined {
    if (this.isEnding) return undefined;
    const call = () => this.binding.handlers.resumed?.(this, event);
    return callDetached(call, (error) => this.failed("resumed", error));
  }

  protected callMessage(data: string | Uint8Array): unknown {
    return this.isTapped ? this.callTapped(data) : this.handleMessage(data);
  }

  protected handleMessage(data: string | Uint8Array): unknown {
    if (!this.hasMessageHandler) return this.withoutHandler();
    if (telemetry.message.isObserved) return this.observeMessage(data);
    return this.binding.handlers.message?.(this, data);
  }

  private observeMessage(data: string | Uint8Array): unknown {
    const handle = () => this.binding.handlers.message?.(this, data);
    return inContextOf(this, () => telemetry.message.trace(this.begunWith(data), handle));
  }

  /** The part of an observed message's payload that is known before its handler runs. */
  protected begunWith(data: string | Uint8Array): MessageBegun {
    const bytes = typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
    return { connectionId: this.id, sessionId: this.state?.id, runtime: this.runtime, bytes };
  }

  get hasMessageHandler(): boolean {
    return this.binding.handlers.message !== undefined;
  }

  protected callClose(event: CloseInfo): unknown {
    this.callTap((tap) => tap.closed(event.code, event.reason));
    return this.binding.handlers.close?.(this, event);
  }

  protected notifyClosed(): void {
    this.binding.onConnectionClosed(this);
    this.stopExpecting();
    this.callTap((tap) => tap.ending());
  }

  protected notifyEnded(info: CloseInfo): void {
    if (this.#record instanceof ConnectionDetails) this.#record.resolveClosed(info);
    if (telemetry.connectionClose.hasSubscribers) telemetry.connectionClose.publish(this.closeEvent(info));
  }

  openEvent(): ConnectionOpenTelemetry {
    const { id: connectionId, runtime, resumed } = this;
    return { connectionId, sessionId: this.state?.id, runtime, resumed };
  }

  private closeEvent({ code, reason, by }: CloseInfo): ConnectionCloseTelemetry {
    const durationMs = sinceEpoch() - this.#openedAfter;
    const { id: connectionId, runtime } = this;
    return { connectionId, sessionId: this.state?.id, runtime, code, reason, by, durationMs };
  }

  protected notifyActivity(): void {
    if (this.state !== undefined) this.binding.touchBeforeIdleDeadline(this.state);
  }

  protected notifyFinished(): void {
    this.binding.onConnectionFinished(this);
  }
}

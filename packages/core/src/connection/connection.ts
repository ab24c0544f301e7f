import { assertClose } from "../base/close-codes.ts";
import { SessionSlot } from "./session-slot.ts";
import type { SendingContext } from "./sending.ts";
import type { CloseEvent } from "./context.ts";
import type { Connection, Renewal, ReplayEvent, Session } from "../api/contract.ts";
import type { Handlers } from "../api/handlers.ts";
import { assertNoMore } from "../base/arguments.ts";
import type { Awaitable } from "@wsession/protocol";
import type { Handshake } from "../handshake/handshake.ts";
import type { Settings } from "../api/options.ts";
import type { KeptRun } from "../session/kept-run.ts";
import type { LocalSession } from "../session/local-session.ts";
import { isThenable, promiseOf } from "../base/promises.ts";
import { sinceEpoch, TransportRecord } from "./transport.ts";

/** Shared by all connections of a binding. `ServerBinding` implements the interface: connections call up through it. */
export interface ConnectionContext<
  Data extends object,
  Transport,
  Unset extends undefined,
  Socket extends object,
> extends SendingContext<Socket> {
  readonly handlers: Handlers<Data, Transport, Unset>;
  readonly settings: Settings<Data, Transport>;
  /** The first part of a connection's id, which distinguishes the connections of different processes in logs. */
  readonly prefix: string;
  /**
   * Creates a session for a connection without one, and attaches the session; in the same tick if the store answers
   * synchronously.
   */
  createFor(connection: LiveConnection<Data, Transport, Unset, Socket>, data: Data): Awaitable<void>;
  /** The socket has ended, or this side is ending the connection: the session has one connection less. */
  onConnectionClosed(connection: LiveConnection<Data, Transport, Unset, Socket>): void;
  /** A message arrived for a session whose idle deadline is near. */
  touchBeforeIdleDeadline(state: LocalSession<Data>): void;
  /** The close handler has settled, or has run longer than `handlerTimeoutMs`. Removes the connection. Idempotent. */
  onConnectionFinished(connection: LiveConnection<Data, Transport, Unset, Socket>): void;
}

/** One live WebSocket, as the application sees it. `ConnectionLifecycle` decides when the handlers run. */
export class LiveConnection<Data extends object, Transport, Unset extends undefined, Socket extends object>
  extends SessionSlot<Data, Socket>
  implements Connection<Data, Transport, Unset>
{
  readonly context: ConnectionContext<Data, Transport, Unset, Socket>;
  readonly socket: Socket;
  /** The connection's number, unique in the process. */
  readonly number: number;
  /** The parts of the transport record. After the application has read the record, `#transportData` is the record itself. */
  readonly #remoteAddress: string | undefined;
  readonly #encrypted: boolean;
  readonly #openedAfter: number = sinceEpoch();
  #transportData: Transport | TransportRecord<Transport>;

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
    // `Unset` is `undefined`, or it is `never` and `initial` has set the session before `open`.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the overloads of createSessions see to it
    return this.ownSession() ?? (undefined as Unset);
  }

  // --- events ---

  /** Delivers kept messages as ordinary messages. Does not repeat messages that the peer may have got before. */
  onKept({ entries }: KeptRun, isAgain: boolean): void {
    if (isAgain) return;
    for (const { data } of entries) if (data !== undefined) this.send(data);
  }

  /** Does nothing for a raw client: the application itself sends the new token. */
  onRenewed(_renewal: Renewal): void {}

  /** The server will end the connection within this number of milliseconds. */
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

  /** Calls a handler without waiting for its promise. If the handler fails, now or later, the connection ends (I12). */
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

  // --- called by the lifecycle ---

  protected createSession(data: Data): Awaitable<void> {
    return this.context.createFor(this, data);
  }

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
    this.stopExpecting();
  }

  protected notifyActivity(): void {
    if (this.state !== undefined) this.context.touchBeforeIdleDeadline(this.state);
  }

  protected notifyFinished(): void {
    this.context.onConnectionFinished(this);
  }
}

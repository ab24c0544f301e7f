import { setImmediate } from "node:timers";
import { assertNoMore } from "../base/arguments.ts";
import { resolveCloseOptions } from "../api/resolve-close-options.ts";
import { CloseCode } from "../base/close-codes.ts";
import type { Closing } from "../api/resolve-close-options.ts";
import { LiveConnection } from "../connection/connection.ts";
import { probeBytesFor } from "../connection/sending.ts";
import type { ConnectionBinding } from "../connection/connection.ts";
import type { Connections } from "../connection/connections.ts";
import { FramedConnection } from "../framed/framed-connection.ts";
import { RefusedHandshake } from "../framed/refused-handshake.ts";
import { offersFraming, withoutFraming } from "../handshake/subprotocol.ts";
import { SUBPROTOCOL } from "@wsession/protocol";
import type { Connection } from "../api/contract.ts";
import type { Handlers } from "../api/handlers.ts";
import type { Deadline, Deadlines } from "../base/deadlines.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import { owned } from "../base/owned-promise.ts";
import { inContextOf, keepContext, moveContext, telemetry } from "../base/telemetry.ts";
import { invalidArgument, isSessionError, isSystemError } from "../base/errors.ts";
import { promiseOf } from "../base/promises.ts";
import type { Awaitable } from "@wsession/protocol";
import type { Handshake } from "../handshake/handshake.ts";
import type { ErrorContext } from "../api/error-context.ts";
import type { Settings } from "../api/settings.ts";
import type {
  CloseOptions,
  HandshakeAnswer,
  Runtime,
  RuntimeBinding,
  RuntimeConnection,
  Ticket,
} from "../api/runtime.ts";
import { refused } from "../admission/resolved.ts";
import { Admitted } from "../session/admitted.ts";
import type { LocalSession } from "../session/local-session.ts";
import type { SessionRegistry } from "../session/registry.ts";
import { observeHandshake } from "./observe-handshake.ts";
import { Shutdown } from "./shutdown.ts";
import { unhandledMessageError } from "./bind-arguments.ts";
import { PendingHandshakes } from "./pending-handshakes.ts";
import { Refusals } from "./refusals.ts";

/** The binding of one server to the sessions. Handles each connection of the server from the handshake to the end. */
export class ServerBinding<Data extends object, Socket extends object>
  implements RuntimeBinding<Socket>, ConnectionBinding<Data, Socket>
{
  readonly runtime: Runtime<Socket>;
  readonly handlers: Handlers<Data, unknown, never, unknown, Socket>;
  readonly settings: Settings<Data>;
  readonly deadlines: Deadlines;
  readonly diagnostics: Diagnostics;
  readonly prefix: string;
  readonly probeBytes: number;
  readonly #registry: SessionRegistry<Data>;
  readonly #connections: Connections<Data>;
  readonly #pendingHandshakes: PendingHandshakes<Data>;
  readonly #refusals: Refusals;
  /** `#live` counts live connections. `#unfinished` also counts ended connections whose close handler has not settled. */
  #live = 0;
  #unfinished = 0;
  #closing: Promise<void> | undefined;
  #shutdown: Shutdown | undefined;
  #onEmpty: (() => void) | undefined;
  readonly #releases: (() => void)[] = [];
  #hasReportedUnhandled = false;
  #nextHeartbeat: Deadline | undefined;
  /** The connection whose `open` handler is being called, for `sessions.of`: the runtime has no reference to it yet. */
  opening: LiveConnection<Data, Socket> | undefined;
  /** The connection whose handler is on the stack now, that is, up to the handler's first `await`. */
  connectionOnStack: object | undefined;

  constructor(
    registry: SessionRegistry<Data>,
    connections: Connections<Data>,
    runtime: Runtime<Socket>,
    handlers: Handlers<Data, unknown, never, unknown, Socket>,
  ) {
    this.#registry = registry;
    this.#connections = connections;
    this.runtime = runtime;
    this.handlers = handlers;
    this.settings = registry.settings;
    this.diagnostics = registry.diagnostics;
    this.deadlines = registry.deadlines;
    this.#pendingHandshakes = new PendingHandshakes(registry);
    this.#refusals = new Refusals(registry.diagnostics);
    this.prefix = connections.prefix;
    this.probeBytes = probeBytesFor(this.settings.heartbeatMs);
    if (this.settings.heartbeatMs > 0) this.#scheduleHeartbeat();
  }

  get size(): number {
    return this.#live;
  }

  get heartbeatMs(): number {
    return this.settings.heartbeatMs;
  }

  get silentHeartbeats(): number {
    return this.settings.silentHeartbeats;
  }

  get #isClosing(): boolean {
    return this.#closing !== undefined || this.#registry.isClosing;
  }

  // --- the handshake ---

  admit(handshake: Handshake, found: unknown): Promise<HandshakeAnswer> {
    if (!telemetry.handshake.isObserved) return this.#admit(handshake, found);
    return observeHandshake(this.runtime.name, handshake, () => this.#admit(handshake, found));
  }

  async #admit(handshake: Handshake, found: unknown): Promise<HandshakeAnswer> {
    const { diagnostics, settings } = this;
    if (this.#isClosing) return this.#refusals.closing(this.#shutdown?.retryAfter ?? 1);
    if (diagnostics.handshakesPending >= settings.maxPendingHandshakes)
      return this.#refusals.byStatus(refused("busy", 503, "too many handshakes"));
    const isFramed = this.runtime.speaksSubprotocol === true && offersFraming(handshake);
    diagnostics.handshakesPending += 1;
    const seenByAdmit = isFramed ? withoutFraming(handshake) : handshake;
    const outcome = await this.#pendingHandshakes.decide(seenByAdmit, found, isFramed);
    diagnostics.handshakesPending -= 1;
    if (this.#isClosing) {
      if (outcome.type === "admitted") outcome.release();
      return this.#refusals.closing(this.#shutdown?.retryAfter ?? 1);
    }
    if (outcome.type === "refused") {
      if (isFramed && outcome.isOfOtherOrigin !== true)
        return this.#refusals.byCode(handshake, outcome, SUBPROTOCOL);
      return outcome.closes === undefined
        ? this.#refusals.byStatus(outcome)
        : this.#refusals.byCode(outcome.closes, outcome);
    }
    const { headers, handshake: seen } = outcome;
    outcome.isFramed = isFramed;
    if (telemetry.handshake.isObserved) keepContext(outcome);
    const subprotocol = isFramed ? SUBPROTOCOL : undefined;
    return { type: "accept", ticket: outcome, headers, protocols: seen.protocols, subprotocol };
  }

  abandon(ticket: Ticket): void {
    if (ticket instanceof RefusedHandshake) return ticket.release();
    const admitted = this.#admittedOf(ticket);
    if (admitted === undefined) return;
    this.diagnostics.handshakesAbandoned += 1;
    admitted.release();
  }

  /** The admitted handshake of a ticket; `undefined` for a ticket that was used, abandoned, or made by other sessions. */
  #admittedOf(ticket: Ticket): Admitted<Data> | undefined {
    const isOurs = ticket instanceof Admitted && ticket.registry === this.#registry && !ticket.isUsed;
    return isOurs ? ticket : undefined;
  }

  open(socket: Socket, ticket: Ticket, protocol: string = ""): RuntimeConnection {
    if (ticket instanceof RefusedHandshake) return ticket.open(this.runtime, this.deadlines, socket);
    const admitted = this.#admittedOf(ticket);
    if (admitted === undefined)
      throw invalidArgument(
        "open() takes an admitted handshake of these sessions that was neither opened nor abandoned before",
      );
    const { handshake } = admitted;
    const connections = this.#connections;
    const number = connections.nextNumber();
    const Connection = admitted.isFramed ? FramedConnection : LiveConnection;
    const connection = new Connection(this, socket, number, admitted, protocol);
    this.diagnostics.handshakesAccepted += 1;
    this.diagnostics.connectionsOpened += 1;
    connections.add(connection);
    moveContext(admitted, connection);
    this.#unfinished += 1;
    this.#live += 1;
    let creating: Awaitable<void> = undefined;
    let hasFailed = false;
    try {
      creating = inContextOf(connection, () => admitted.attach(connection));
    } catch (error) {
      // A connection whose login was refused has ended already.
      if (!isSessionError(error, "TOO_MANY_SESSIONS")) this.report(error, { stage: "initial", connection });
      connection.end(CloseCode.HandlerFailed, "initial failed");
      hasFailed = true;
    }
    this.opening = connection;
    inContextOf(connection, () => {
      if (telemetry.connectionOpen.hasSubscribers) telemetry.connectionOpen.publish(connection.openEvent());
      if (hasFailed) connection.skipOpen();
      else connection.start(handshake, promiseOf(creating));
    });
    this.opening = undefined;
    if (this.#isClosing) connection.end(CloseCode.Restarting, "server restarting");
    return connection;
  }

  // --- called by connections ---

  report(error: unknown, context?: ErrorContext): void {
    this.#registry.report(error, context ?? { stage: isSystemError(error) ? "client" : "adapter" });
  }

  /** Handles an unhandled rejection of `close` of this binding. */
  unhandled(error: unknown): void {
    this.report(error, { stage: "unhandled" });
  }

  createFor(connection: LiveConnection<Data, Socket>, data: Data): Awaitable<void> {
    return this.#registry.createFor(connection, data);
  }

  /**
   * Counts each message, and reports only the first one, because otherwise clients could fill the log. A raw message is no sign of a
   * mistake if the server takes no messages at all, because any client can send a message, and other listeners of the socket may read it.
   */
  onUnhandledMessage(connection: Connection, isFramed: boolean): void {
    if (!isFramed && this.handlers.transaction === undefined) return;
    this.diagnostics.messagesUnhandled += 1;
    if (this.#hasReportedUnhandled) return;
    this.#hasReportedUnhandled = true;
    this.report(unhandledMessageError(this.handlers), { stage: "message", connection });
  }

  touchBeforeIdleDeadline(state: LocalSession<Data>): void {
    this.#registry.lifetimes.touchNow(state);
  }

  onConnectionClosed(connection: LiveConnection<Data, Socket>): void {
    this.#live -= 1;
    this.diagnostics.connectionsClosed += 1;
    this.#connections.ended();
    const { state } = connection;
    if (state !== undefined) this.#registry.onConnectionClosed(state, connection);
  }

  onConnectionFinished(connection: LiveConnection<Data, Socket>): void {
    if (!this.#connections.remove(connection)) return;
    this.#unfinished -= 1;
    if (connection.state !== undefined) this.#registry.onConnectionFinished(connection.state);
    if (this.#unfinished === 0) this.#onEmpty?.();
  }

  // --- time ---

  #scheduleHeartbeat(): void {
    const { heartbeatMs } = this.settings;
    const due = performance.now() + heartbeatMs;
    this.#nextHeartbeat = this.deadlines.after(heartbeatMs, () => {
      // After a stall of this process the peers' pongs may be unread, so skip this heartbeat.
      const isStalled = performance.now() - due > heartbeatMs / 2;
      // Node runs timers before it reads sockets. Wait for the next turn, so that data that has arrived is read first.
      setImmediate(() => {
        if (!isStalled) for (const connection of this.#connections.of(this)) connection.heartbeat();
        // The next heartbeat follows the pings, not the timer, because a stall between them would shorten the time to answer. Go on
        // during a shutdown, because otherwise the runtime's own timeout ends connections that wait for their turn.
        if (!this.#isClosing || this.#unfinished > 0) this.#scheduleHeartbeat();
      });
    });
  }

  // --- shutdown ---

  onClosed(release: () => void): void {
    this.#releases.push(release);
  }

  close(options: CloseOptions = {}, surplus?: undefined): Promise<void> {
    assertNoMore("close()", surplus);
    const closing = resolveCloseOptions(options);
    const { connectionOnStack } = this;
    if (this.#closing !== undefined && connectionOnStack instanceof LiveConnection)
      connectionOnStack.excludeFromShutdown();
    return (this.#closing ??= owned(this.#close(closing, connectionOnStack), this));
  }

  async #close(closing: Closing, caller: object | undefined): Promise<void> {
    const shutdown = new Shutdown(this.deadlines, closing, () => this.#connections.of(this));
    this.#shutdown = shutdown;
    this.#pendingHandshakes.refuseAll("server restarting");
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = () => {
        shutdown.onEmpty();
        resolve();
      };
    });
    await shutdown.run(caller instanceof LiveConnection ? caller : undefined);
    if (this.#unfinished > 0) await empty;
    shutdown.done();
    this.#nextHeartbeat?.cancel();
    for (const release of this.#releases.splice(0)) release();
  }
}

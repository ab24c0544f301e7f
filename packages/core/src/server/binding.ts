import { STATUS_CODES } from "node:http";
import { admitHandshake } from "../admission/admit.ts";
import type { Admitted } from "../admission/admit.ts";
import { assertNoMore } from "../base/arguments.ts";
import { CloseCode, settleClose } from "../base/close-codes.ts";
import type { Closing } from "../base/close-codes.ts";
import { LiveConnection } from "../connection/connection.ts";
import type { ConnectionContext } from "../connection/connection.ts";
import type { Connections } from "../connection/connections.ts";
import type { Handlers } from "../api/contract.ts";
import type { Deadlines } from "../base/deadlines.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import { owned } from "../base/owned-promise.ts";
import { invalidArgument, isSystemError } from "../base/errors.ts";
import type { Awaitable, Handshake } from "../handshake/handshake.ts";
import type { ErrorContext, Settings } from "../api/options.ts";
import type {
  CloseOptions,
  HandshakeAnswer,
  Runtime,
  RuntimeBinding,
  RuntimeConnection,
  Ticket,
} from "../api/runtime.ts";
import { refused } from "../admission/resume.ts";
import type { Refused } from "../admission/resume.ts";
import type { SessionHome } from "../session/registry.ts";

/** What a binding is given by the composition root. */
export interface BindingRoot<Data extends object, Transport, Unset extends undefined> {
  readonly home: SessionHome<Data, Transport>;
  readonly connections: Connections<Data, Transport, Unset>;
  readonly deadlines: Deadlines;
  readonly isClosing: boolean;
}

/** How long a peer may take to answer our close frame at shutdown, milliseconds. */
const CLOSING_HANDSHAKE_MS = 2_000;
const BATCH_MS = 50;

/** One runtime's server, tied to the sessions: from the handshake to the end of each connection. */
export class ServerBinding<Data extends object, Transport, Unset extends undefined, Socket extends object>
  implements RuntimeBinding<Socket>, ConnectionContext<Data, Transport, Unset, Socket>
{
  readonly runtime: Runtime<Socket>;
  readonly handlers: Handlers<Data, Transport, Unset>;
  readonly settings: Settings<Data, Transport>;
  readonly deadlines: Deadlines;
  readonly diagnostics: Diagnostics;
  readonly prefix: string;
  readonly #root: BindingRoot<Data, Transport, Unset>;
  /** Admitted handshakes on their way to a connection. */
  readonly #tickets = new Map<Ticket, Admitted<Data, Transport>>();
  /** Handshakes that are being decided: what refuses each at once. */
  readonly #undecided = new Set<(reason: string) => void>();
  /** Connections that have not ended, and those whose close handler has not settled. */
  #live = 0;
  #unfinished = 0;
  #closing: Promise<void> | undefined;
  #emptied: (() => void) | undefined;
  /** The connection whose `open` is being called: the runtime does not know it yet. */
  opening: LiveConnection<Data, Transport, Unset, Socket> | undefined;

  constructor(
    root: BindingRoot<Data, Transport, Unset>,
    runtime: Runtime<Socket>,
    handlers: Handlers<Data, Transport, Unset>,
  ) {
    this.#root = root;
    this.runtime = runtime;
    this.handlers = handlers;
    this.settings = root.home.settings;
    this.diagnostics = root.home.diagnostics;
    this.deadlines = root.deadlines;
    this.prefix = root.connections.prefix;
    if (this.settings.heartbeatMs > 0) this.#keepBeating();
  }

  get size(): number {
    return this.#live;
  }

  get heartbeatMs(): number {
    return this.settings.heartbeatMs;
  }

  get #isClosing(): boolean {
    return this.#closing !== undefined || this.#root.isClosing;
  }

  // --- the handshake ---

  async admit(handshake: Handshake, found: unknown): Promise<HandshakeAnswer> {
    const { diagnostics, settings } = this;
    if (this.#isClosing) return this.#refuse(503, "server restarting");
    if (diagnostics.handshakesPending >= settings.maxPendingHandshakes)
      return this.#refuse(503, "too many handshakes");
    diagnostics.handshakesPending += 1;
    const outcome = await this.#decide(handshake, found);
    diagnostics.handshakesPending -= 1;
    if (outcome.type === "refused") return this.#refuse(outcome.status, outcome.reason);
    if (this.#isClosing) {
      if (outcome.session !== undefined) this.#root.home.giveBack(outcome.session);
      return this.#refuse(503, "server restarting");
    }
    const ticket: Ticket = { handshake: outcome.handshake };
    this.#tickets.set(ticket, outcome);
    return { type: "accept", ticket, headers: outcome.headers, protocols: outcome.handshake.protocols };
  }

  /** A decision that does not come in time, or before the shutdown, is a refusal: what is decided after that is taken back. */
  #decide(handshake: Handshake, found: unknown): Promise<Admitted<Data, Transport> | Refused> {
    const { home } = this.#root;
    const { handshakeTimeoutMs } = this.settings;
    return new Promise((resolve) => {
      const giveUp = (reason: string) => {
        deadline?.cancel();
        this.#undecided.delete(giveUp);
        resolve(refused(503, reason));
      };
      const deadline =
        handshakeTimeoutMs === Infinity
          ? undefined
          : this.deadlines.after(handshakeTimeoutMs, () => giveUp("admission took too long"));
      this.#undecided.add(giveUp);
      void admitHandshake(home, handshake, found).then((outcome) => {
        deadline?.cancel();
        if (this.#undecided.delete(giveUp)) resolve(outcome);
        else if (outcome.type === "admitted" && outcome.session !== undefined) home.giveBack(outcome.session);
      });
    });
  }

  #refuse(status: number, reason: string): HandshakeAnswer {
    this.diagnostics.handshakesRefused += 1;
    return { type: "reject", status, reason: reason === "" ? (STATUS_CODES[status] ?? "Refused") : reason };
  }

  abandon(ticket: Ticket): void {
    const admitted = this.#tickets.get(ticket);
    if (admitted === undefined) return;
    this.#tickets.delete(ticket);
    this.diagnostics.handshakesAbandoned += 1;
    if (admitted.session !== undefined) this.#root.home.giveBack(admitted.session);
  }

  open(socket: Socket, ticket: Ticket): RuntimeConnection {
    const admitted = this.#tickets.get(ticket);
    if (admitted === undefined) throw invalidArgument("this ticket was used already");
    this.#tickets.delete(ticket);
    const { handshake, session, initial } = admitted;
    const { home, connections } = this.#root;
    const number = connections.nextNumber();
    const connection = new LiveConnection(this, socket, number, handshake, admitted.transport);
    this.diagnostics.handshakesAccepted += 1;
    this.diagnostics.connectionsOpened += 1;
    connections.add(connection);
    this.#unfinished += 1;
    this.#live += 1;
    try {
      if (session !== undefined) {
        connection.resumed = session.resumed;
        home.attach(connection, session);
      } else if (initial !== undefined) void home.createFor(connection, initial, admitted.subject);
      else connection.subject = admitted.subject;
    } catch (error) {
      this.report(error, { stage: "initial", connection });
      connection.end(CloseCode.HandlerFailed, "initial failed");
    }
    this.opening = connection;
    connection.start(handshake);
    this.opening = undefined;
    if (this.#isClosing) connection.end(CloseCode.Restarting, "server restarting");
    return connection;
  }

  // --- what connections ask for ---

  report(error: unknown, context?: ErrorContext): void {
    this.#root.home.report(error, context ?? { stage: isSystemError(error) ? "client" : "adapter" });
  }

  /** Nobody handled the rejection of `close`. */
  unhandled(error: unknown): void {
    this.report(error, { stage: "unhandled" });
  }

  createFor(connection: LiveConnection<Data, Transport, Unset, Socket>, data: Data): Awaitable<void> {
    return this.#root.home.createFor(connection, data, connection.subject);
  }

  left(connection: LiveConnection<Data, Transport, Unset, Socket>): void {
    this.#live -= 1;
    this.diagnostics.connectionsClosed += 1;
    this.#root.connections.ended();
    const { state } = connection;
    if (state === undefined) return;
    state.release(connection);
    this.#root.home.leave(state.id);
  }

  finished(connection: LiveConnection<Data, Transport, Unset, Socket>): void {
    if (!this.#root.connections.remove(connection)) return;
    this.#unfinished -= 1;
    if (connection.state !== undefined) this.#root.home.drop(connection.state);
    if (this.#unfinished === 0) this.#emptied?.();
  }

  // --- time ---

  #keepBeating(): void {
    const { heartbeatMs } = this.settings;
    const due = performance.now() + heartbeatMs;
    this.deadlines.after(heartbeatMs, () => {
      // After a standstill of this process the peers' pongs are there, but not read yet: it is not they who were silent.
      const stoodStill = performance.now() - due > heartbeatMs / 2;
      if (!stoodStill) for (const connection of this.#root.connections.of(this)) connection.heartbeat();
      if (!this.#isClosing) this.#keepBeating();
    });
  }

  // --- shutdown ---

  close(options: CloseOptions = {}, surplus?: undefined): Promise<void> {
    assertNoMore("close()", surplus);
    const closing = settleClose(options);
    return (this.#closing ??= owned(this.#close(closing), this));
  }

  async #close({ code, reason, drainMs }: Closing): Promise<void> {
    for (const giveUp of this.#undecided) giveUp("server restarting");
    const connections = [...this.#root.connections.of(this)];
    const batches = Math.max(1, Math.floor(drainMs / BATCH_MS));
    const size = Math.ceil(connections.length / batches);
    for (let first = 0; first < connections.length; first += size) {
      if (first > 0) await this.#pause(drainMs / batches);
      for (const connection of connections.slice(first, first + size)) connection.end(code, reason);
    }
    if (this.#unfinished === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    const late = this.deadlines.after(CLOSING_HANDSHAKE_MS, () => {
      for (const connection of this.#root.connections.of(this)) connection.terminate();
    });
    await empty;
    late.cancel();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.deadlines.after(ms, resolve);
    });
  }
}

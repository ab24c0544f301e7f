import type { Awaitable } from "@wsession/protocol";
import type { Handshake } from "../handshake/handshake.ts";
import type { Ticket } from "../api/runtime.ts";
import type { AdmittedSession, UnattachedConnection } from "./unattached-connection.ts";
import type { PendingDecision } from "./pending.ts";
import type { SessionRegistry } from "./registry.ts";

export type HeaderLine = readonly [name: string, value: string];

export interface AdmittedParts<Data extends object, Transport> {
  readonly handshake: Handshake;
  readonly transport: Transport;
  readonly headers: readonly HeaderLine[];
  /** The session that was resumed or created, held already; `undefined` where it is set after the answer. */
  readonly session: AdmittedSession<Data> | undefined;
  /** Data for a session that is kept on the connection, and so is created with it. */
  readonly initial: Data | undefined;
  /** Pending until the connection has its session. */
  readonly decision: PendingDecision;
}

/** An admitted handshake: all that its connection starts with. Ends with `attach` or with `release`, whichever comes first. */
export class Admitted<Data extends object, Transport> implements Ticket {
  readonly type = "admitted";
  readonly registry: SessionRegistry<Data, Transport>;
  readonly handshake: Handshake;
  readonly transport: Transport;
  readonly headers: readonly HeaderLine[];
  readonly #session: AdmittedSession<Data> | undefined;
  readonly #initial: Data | undefined;
  readonly #decision: PendingDecision;
  #isOver = false;

  constructor(registry: SessionRegistry<Data, Transport>, parts: AdmittedParts<Data, Transport>) {
    this.registry = registry;
    this.handshake = parts.handshake;
    this.transport = parts.transport;
    this.headers = parts.headers;
    this.#session = parts.session;
    this.#initial = parts.initial;
    this.#decision = parts.decision;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * The connection is there: it has its session from here on, or waits for it. Throws what the creation of a session does; a
   * promise where the store takes a while for that.
   */
  attach(connection: UnattachedConnection<Data>): Awaitable<void> {
    this.#isOver = true;
    const decision = this.#decision;
    if (this.#session !== undefined) {
      connection.resumed = this.#session.resumed;
      this.registry.attach(connection, this.#session, decision);
      return;
    }
    // What was decided about nobody can't be overtaken, and costs the connection nothing.
    if (decision.subject === undefined) decision.dispose();
    else {
      connection.decision = decision;
      if (decision.ending !== undefined) connection.end(decision.ending.code, decision.ending.reason);
    }
    if (this.#initial !== undefined) return this.registry.createFor(connection, this.#initial, true);
  }

  /** The connection never comes. Idempotent. */
  release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#decision.dispose();
    if (this.#session !== undefined) this.registry.releaseAdmitted(this.#session);
  }
}

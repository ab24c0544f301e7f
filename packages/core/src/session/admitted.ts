import type { Awaitable } from "@wsession/protocol";
import type { Handshake } from "../handshake/handshake.ts";
import type { HeaderLine } from "../handshake/headers.ts";
import type { Ticket } from "../api/runtime.ts";
import type { AdmittedSession, UnattachedConnection } from "./unattached-connection.ts";
import type { PendingDecision } from "./pending.ts";
import type { SessionRegistry } from "./registry.ts";

export interface AdmittedParts<Data extends object> {
  readonly handshake: Handshake;
  readonly transport: unknown;
  /** The option `context` of `accept`. */
  readonly context: unknown;
  readonly headers: readonly HeaderLine[];
  /** The resumed or created session. The store counts its connection already. `undefined`: the session is set after the answer. */
  readonly session: AdmittedSession<Data> | undefined;
  /** Data for a session that lives on its connection, and is therefore created together with the connection. */
  readonly initial: Data | undefined;
  /** The decision of `admit`, which is pending until the connection has its session. */
  readonly decision: PendingDecision;
}

/** An admitted handshake, with everything that its connection needs. The first call of `attach` or `release` uses it up. */
export class Admitted<Data extends object> implements Ticket {
  readonly type = "admitted";
  /** Whether the connection uses `v1.wsession`. */
  isFramed = false;
  readonly registry: SessionRegistry<Data>;
  readonly handshake: Handshake;
  readonly transport: unknown;
  readonly context: unknown;
  readonly headers: readonly HeaderLine[];
  readonly #session: AdmittedSession<Data> | undefined;
  readonly #initial: Data | undefined;
  readonly #decision: PendingDecision;
  #isUsed = false;

  constructor(registry: SessionRegistry<Data>, parts: AdmittedParts<Data>) {
    this.registry = registry;
    this.handshake = parts.handshake;
    this.transport = parts.transport;
    this.context = parts.context;
    this.headers = parts.headers;
    this.#session = parts.session;
    this.#initial = parts.initial;
    this.#decision = parts.decision;
  }

  get isUsed(): boolean {
    return this.#isUsed;
  }

  /**
   * Attaches the connection to its session. Without a session the connection waits for `setSession`. Throws the errors of the
   * session's creation. Returns a promise if the store creates the session asynchronously.
   */
  attach(connection: UnattachedConnection<Data>): Awaitable<void> {
    this.#isUsed = true;
    const decision = this.#decision;
    if (this.#session !== undefined) {
      connection.resumed = this.#session.resumed;
      this.registry.attach(connection, this.#session, decision);
      return;
    }
    // No destruction can overtake a decision without a subject, so such a decision is kept only if it has lifetimes.
    if (decision.subject === undefined && decision.lifetimes === undefined) decision.dispose();
    else {
      connection.decision = decision;
      if (decision.ending !== undefined) connection.end(decision.ending.code, decision.ending.reason);
    }
    if (this.#initial !== undefined) return this.registry.createFor(connection, this.#initial, true);
  }

  /** Releases the session, because the client went away before its connection existed. Idempotent. */
  release(): void {
    if (this.#isUsed) return;
    this.#isUsed = true;
    this.#decision.dispose();
    if (this.#session !== undefined) this.registry.releaseAdmitted(this.#session);
  }
}

import type { Session } from "../api/contract.ts";
import type { ErrorContext } from "../api/error-context.ts";
import type { Settings } from "../api/settings.ts";
import { Deadlines } from "../base/deadlines.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import { GONE, REPLACED } from "../base/endings.ts";
import type { Ending } from "../base/endings.ts";
import type { Awaitable } from "@wsession/protocol";
import { newSelector } from "../handshake/token.ts";
import type { SessionStore, StoredSession } from "../store/contract.ts";
import type { ReleaseReason } from "../store/presence-contract.ts";
import { ChangeQueue } from "./changes.ts";
import { createStored } from "./creation.ts";
import type { Created } from "./creation.ts";
import { ErrorReports } from "./error-reports.ts";
import { SessionHandle } from "./handle.ts";
import { LifetimeWatch } from "./lifetimes.ts";
import { LocalSession } from "./local-session.ts";
import type { SessionContext, VersionStamp } from "./local-session.ts";
import { Outboxes } from "./outboxes.ts";
import { PendingDecisions } from "./pending.ts";
import type { PendingDecision } from "./pending.ts";
import { endIfRefused } from "./refused-creation.ts";
import { LOST_FENCE, PENDING_FENCE } from "./session-connection.ts";
import type { SessionConnection } from "./session-connection.ts";
import { StoreCalls } from "./store-calls.ts";
import { SessionHost } from "./store-host.ts";
import { SessionTable } from "./table.ts";
import type { SessionsOnConnections } from "./table.ts";
import { takeOver, takesOver } from "./takeover.ts";
import type { AdmittedSession, UnattachedConnection } from "./unattached-connection.ts";

/** The sessions in this process, with one state each. Connections and handles reach the store through the registry. */
export class SessionRegistry<Data extends object> implements SessionContext<Data> {
  readonly settings: Settings<Data>;
  readonly diagnostics: Diagnostics;
  /** The time limits of these sessions, which share one timer. */
  readonly deadlines: Deadlines = new Deadlines();
  readonly pending: PendingDecisions = new PendingDecisions();
  readonly changes: ChangeQueue<Data> = new ChangeQueue();
  readonly outboxes: Outboxes<Data>;
  readonly calls: StoreCalls;
  /** True once `sessions.close()` was called. No handshake is admitted any more. */
  isClosing = false;
  readonly lifetimes: LifetimeWatch<Data>;
  readonly #table: SessionTable<Data>;
  readonly reports: ErrorReports;

  constructor(
    settings: Settings<Data>,
    diagnostics: Diagnostics,
    onConnections: SessionsOnConnections<Data>,
  ) {
    this.settings = settings;
    this.outboxes = new Outboxes(this, (id) => this.#table.find(id));
    this.diagnostics = diagnostics;
    this.#table = new SessionTable(onConnections);
    this.lifetimes = new LifetimeWatch<Data>(this.deadlines, settings);
    this.reports = new ErrorReports(settings.onError, diagnostics, this.deadlines);
    this.calls = new StoreCalls(settings.store, (error, sessionId) =>
      this.report(error, { stage: "store", sessionId }),
    );
    this.store.attach(new SessionHost(this, this.#table, this.lifetimes));
  }

  /** The store. While telemetry has a listener for calls of the store, this is another object, so do not keep a reference. */
  get store(): SessionStore {
    return this.settings.store;
  }

  // --- for handles ---

  /** Reads a session. The handle is administrative (I13). */
  async get(id: string): Promise<Session<Data> | undefined> {
    const versionAtRequest = this.versionAtRequest(id);
    const stored = await this.calls.ask(() => this.store.load(id));
    if (stored === undefined) {
      this.#table.find(id)?.endSession(GONE);
      return undefined;
    }
    return new SessionHandle(this.stateForHandle(id, stored, versionAtRequest), undefined);
  }

  /** The state of a session that was created without a connection. Its data has passed the schema already. */
  adoptCreated(id: string, stored: StoredSession): LocalSession<Data> {
    return this.#adoptCreated(id, false, () => this.stateForHandle(id, stored, undefined, true));
  }

  /** Ends this process's connections of a session that is gone. Returns how many. */
  endSession(id: string, ending: Ending): number {
    this.pending.endSession(id, ending);
    return this.#table.find(id)?.endSession(ending) ?? 0;
  }

  replaceSession(id: string, fence: number): void {
    this.#table.find(id)?.replace(fence);
  }

  /** How many live connections of a session this process has. */
  connectionCount(id: string): number {
    return this.#table.find(id)?.connectionCount ?? 0;
  }

  // --- for connections ---

  /**
   * Creates a connection's session and attaches the connection, in the same tick if the store answers synchronously. If the
   * subject's sessions were destroyed since `admit` named the subject, the connection ends with 4410, and the call rejects with
   * REVOKED. `isChecked`: the data has passed the schema already.
   */
  createFor(
    connection: UnattachedConnection<Data>,
    data: object,
    isChecked: boolean = false,
  ): Awaitable<void> {
    const { resumable } = this.store.capabilities;
    const decision = connection.decision ?? this.pending.begin();
    decision.assertNotEnded();
    const id = resumable ? newSelector() : connection.id;
    const hasToken = resumable && this.settings.token !== undefined;
    const { subject, decidedAt, lifetimes } = decision;
    const wanted = { id, data, isChecked, subject, decidedAt, lifetimes, hold: true, hasToken };
    const failed = (error: unknown): never => {
      endIfRefused(connection, error);
      throw error;
    };
    let created: Created | Promise<Created>;
    try {
      created = createStored(this, wanted);
    } catch (error) {
      return failed(error);
    }
    if ("stored" in created) return this.#attachCreated(connection, created, decision);
    decision.expectSession(id);
    this.calls.begin();
    const attached = created.then((later) => this.#attachCreated(connection, later, decision), failed);
    return attached.finally(() => {
      // A decision of `admit` stays until the connection has a session, or ends.
      if (decision !== connection.decision) decision.dispose();
      this.calls.end();
    });
  }

  #attachCreated(
    connection: UnattachedConnection<Data>,
    { id, stored, token }: Created,
    decision: PendingDecision,
  ): void {
    if (connection.isEnding && !this.store.capabilities.resumable) {
      decision.dispose();
      return this.releaseInStore(id);
    }
    const state = this.adoptNew(id, stored);
    if (decision.sessionEnding !== undefined) state.endSession(decision.sessionEnding);
    const session = { state, fence: stored.fence, resumed: false, token };
    if (connection.isEnding) this.releaseAdmitted(session);
    else this.attach(connection, session, decision);
  }

  /** The version here when a request is sent to the store, for `adopt`; `undefined` for a session without a state here. */
  versionAtRequest(id: string): VersionStamp | undefined {
    return this.#table.find(id)?.versionStamp;
  }

  /** The one state of the session in this process, updated to `stored` and retained for one more connection. */
  adopt(
    id: string,
    stored: StoredSession,
    versionAtRequest?: VersionStamp,
    isChecked: boolean = false,
  ): LocalSession<Data> {
    // A session that lives on its connection has the connection's id, and no place in the table.
    if (!this.store.capabilities.resumable) {
      const onConnection = new LocalSession(this, undefined, stored, isChecked);
      this.lifetimes.set(onConnection, stored);
      return onConnection;
    }
    const state = this.#stateOf(id, stored, versionAtRequest, isChecked);
    this.#table.retain(state);
    this.lifetimes.watch(state);
    return state;
  }

  /** As `adopt`, for a session that was created for the connection. Its data has passed the schema already. */
  adoptNew(id: string, stored: StoredSession): LocalSession<Data> {
    return this.#adoptCreated(id, true, () => this.adopt(id, stored, undefined, true));
  }

  /** Attaches a connection to its session. Ends the connection at once if the session has ended or was taken over meanwhile. */
  attach(
    connection: UnattachedConnection<Data>,
    { state, fence, token, resumed, found }: AdmittedSession<Data>,
    decision: PendingDecision,
  ): void {
    const { exclusive, maxConnectionsPerSession } = this.settings;
    const isTakeover = takesOver(state, resumed);
    if (exclusive && !isTakeover) state.replace(fence);
    decision.dispose();
    connection.token = token;
    connection.attach(state, isTakeover ? PENDING_FENCE : fence, found);
    this.lifetimes.warnIfExpiring(state, connection);
    if (state.connectionCount > maxConnectionsPerSession) state.endOldest(maxConnectionsPerSession);
    this.lifetimes.watch(state);
    // The session may have ended, or been taken over, before the connection was attached.
    if (decision.ending !== undefined) {
      if (isTakeover) connection.fence = LOST_FENCE;
      connection.end(decision.ending.code, decision.ending.reason);
    } else if (state.isGone) connection.end(state.goneEnding.code, state.goneEnding.reason);
    else if (isTakeover) {
      this.pending.endOlder(state.id, decision.readyNumber, REPLACED);
      takeOver(state, connection);
    } else if (fence < state.fence) connection.end(REPLACED.code, REPLACED.reason);
  }

  /** Releases a session whose connection was never opened. Destroys a new session, because no client has its token. */
  releaseAdmitted({ state, resumed }: AdmittedSession<Data>): void {
    const { id } = state;
    this.releaseInStore(id);
    this.onConnectionFinished(state);
    if (!resumed) this.destroyUnused(id);
  }

  /** Stops counting a connection that has ended, or that this side is ending. */
  onConnectionClosed(state: LocalSession<Data>, connection: SessionConnection<Data>): void {
    if (this.store.capabilities.resumable) this.lifetimes.onConnectionClosed(state, connection);
    state.removeConnection(connection);
    this.releaseInStore(state.id, connection.releaseReason);
  }

  /** Reports to the store that one connection of the session has ended. */
  releaseInStore(id: string, reason?: ReleaseReason): void {
    this.calls.inBackground(() => this.store.release(id, reason), id);
  }

  /** Destroys a session that no client can use, in the background. */
  destroyUnused(id: string): void {
    this.calls.inBackground(() => this.store.destroy(id, undefined, false), id);
  }

  /** A connection's close handler has settled: nothing of the connection refers to the session any more. */
  onConnectionFinished(state: LocalSession<Data>): void {
    if (!this.store.capabilities.resumable) state.isGone = true;
    else if (!this.#table.release(state)) return;
    this.lifetimes.unwatch(state);
  }

  report(error: unknown, context: ErrorContext): void {
    this.reports.report(error, context);
  }

  /** Waits for the calls of the store in progress, then closes the store. */
  async close(): Promise<void> {
    try {
      await this.calls.close();
    } finally {
      this.reports.close();
    }
  }

  /** Adopts a new session. Destroys the session if this process can't read it: a schema may refuse its own output. */
  #adoptCreated(id: string, isHeld: boolean, adopt: () => LocalSession<Data>): LocalSession<Data> {
    try {
      return adopt();
    } catch (error) {
      if (isHeld) this.releaseInStore(id);
      this.destroyUnused(id);
      throw error;
    }
  }

  /** The existing state, updated to `stored`, or a new state. */
  #stateOf(
    id: string,
    stored: StoredSession,
    versionAtRequest?: VersionStamp,
    isChecked?: boolean,
  ): LocalSession<Data> {
    this.reports.storeAnswered();
    const known = this.#table.find(id);
    const isNew = known === undefined || known.isGone;
    const state = isNew ? new LocalSession(this, id, stored, isChecked) : known;
    if (!isNew) state.adopt(stored, versionAtRequest);
    this.lifetimes.set(state, stored);
    this.outboxes.takeEnd(state, stored.outbox);
    return state;
  }

  /** As `#stateOf`, for a handle, which keeps the state alive. */
  stateForHandle(
    id: string,
    stored: StoredSession,
    versionAtRequest?: VersionStamp,
    isChecked?: boolean,
  ): LocalSession<Data> {
    const state = this.#stateOf(id, stored, versionAtRequest, isChecked);
    this.#table.keepWeakly(state);
    return state;
  }
}

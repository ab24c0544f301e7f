import type { Session } from "../api/contract.ts";
import { ChangeQueue } from "./changes.ts";
import { createStored } from "./creation.ts";
import type { Created } from "./creation.ts";
import type { Deadlines } from "../base/deadlines.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import { Warnings } from "../base/warnings.ts";
import { destroyedEnding, EXPIRED, REPLACED, REVOKED } from "../base/endings.ts";
import type { Ending } from "../base/endings.ts";
import { asStoreError, isSessionError, SessionError } from "../base/errors.ts";
import type { Awaitable } from "@wsession/protocol";
import { Lifetimes } from "./lifetimes.ts";
import type { ErrorContext, Settings } from "../api/options.ts";
import { LocalSession } from "./local-session.ts";
import { LOST_FENCE, PENDING_FENCE } from "./session-connection.ts";
import type { VersionStamp, SessionContext } from "./local-session.ts";
import type { SessionConnection } from "./session-connection.ts";
import type { AdmittedSession, UnattachedConnection } from "./unattached-connection.ts";
import { OutageReports } from "./outages.ts";
import { PendingDecisions } from "./pending.ts";
import type { PendingDecision } from "./pending.ts";
import { takeOver } from "./takeover.ts";
import { SessionTable } from "./table.ts";
import { SessionHandle } from "./handle.ts";
import type { HeldSession, SessionStore, StoredSession, StoreEvent, StoreHost } from "../store/contract.ts";
import { disregard } from "../base/promises.ts";
import { newSelector } from "../handshake/token.ts";

/** Part of the idle time by which a store's deadline may be earlier than the one here: a store may skip a touch. */
const DEADLINES_DIFFER = 0.2;
const CLOCKS_DIFFER_MS = 1_000;

/** Sessions that are kept on connections, where the store keeps none. */
export interface Slots<Data extends object> {
  find(id: string): LocalSession<Data> | undefined;
  ids(): Iterable<string>;
}

/** All sessions of this process: between the store on one side, connections and handles on the other. */
export class SessionRegistry<Data extends object, Transport> implements SessionContext<Data>, StoreHost {
  readonly settings: Settings<Data, Transport>;
  readonly store: SessionStore;
  readonly diagnostics: Diagnostics;
  readonly pending: PendingDecisions = new PendingDecisions();
  readonly changes: ChangeQueue<Data> = new ChangeQueue();
  readonly #lifetimes: Lifetimes<Data>;
  readonly #slots: Slots<Data>;
  readonly #table = new SessionTable<Data>();
  readonly #warnings = new Warnings();
  readonly #outages: OutageReports;
  /** Calls of the store under way, and who waits for their end. */
  #underWay = 0;
  #idle: (() => void) | undefined;
  #isClosed = false;

  constructor(
    settings: Settings<Data, Transport>,
    diagnostics: Diagnostics,
    deadlines: Deadlines,
    slots: Slots<Data>,
    expiring: (connection: SessionConnection<Data>, remainingMs: number) => void,
  ) {
    this.settings = settings;
    this.store = settings.store;
    this.diagnostics = diagnostics;
    this.#slots = slots;
    this.#outages = new OutageReports(deadlines, (error, context) => this.#callOnError(error, context));
    const report = (error: unknown, context: ErrorContext) => this.report(error, context);
    this.#lifetimes = new Lifetimes<Data>(deadlines, settings, { expiring, report });
    this.store.attach(this);
  }

  // --- for handles ---

  /** Reads a session; its handle is administrative (I13). */
  async get(id: string): Promise<Session<Data> | undefined> {
    const versionAtRequest = this.versionAtRequest(id);
    const stored = await this.ask(() => this.store.load(id));
    if (stored === undefined) {
      this.#find(id)?.endSession({ code: 4410, reason: "session gone" });
      return undefined;
    }
    return new SessionHandle(this.#bringUp(id, stored, versionAtRequest), undefined);
  }

  /** Creates a session without a connection. */
  async create(data: Data): Promise<{ session: Session<Data>; token: string }> {
    if (this.#isClosed) throw closedError();
    if (!this.store.capabilities.resumable) {
      throw new SessionError(
        "NOT_SUPPORTED",
        "this store keeps sessions on connections, and there is none to keep it on",
      );
    }
    const nobodys = { subject: undefined, decidedAt: undefined };
    const wanted = { id: newSelector(), data, isChecked: false, ...nobodys, hold: false, token: true };
    const { id, stored, token = "" } = await createStored(this, wanted);
    const state = this.#made(id, false, () => this.#bringUp(id, stored, undefined, true));
    return { session: new SessionHandle(state, undefined), token };
  }

  /** Asks the store; what it throws is typed (I11). Rejects with SHUTTING_DOWN once `close` has settled. */
  async ask<Result>(question: () => Result): Promise<Awaited<Result>> {
    if (this.#isClosed) throw closedError();
    return typed(question);
  }

  /** Ends this process's part of a session that is gone. Returns how many connections that closed. */
  endSession(id: string, ending: Ending): number {
    this.pending.endSession(id, ending);
    return this.#find(id)?.endSession(ending) ?? 0;
  }

  /** This process's live connections of a session. */
  connectionCount(id: string): number {
    return this.#find(id)?.connectionCount ?? 0;
  }

  // --- for connections ---

  /**
   * Creates a connection's session and attaches it: in the same tick where the store answers so. A connection whose subject
   * was destroyed since `admit` named the subject ends with 4410, and the call rejects with REVOKED.
   * `isChecked`: the data has passed the schema already.
   */
  createFor(
    connection: UnattachedConnection<Data>,
    data: object,
    isChecked: boolean = false,
  ): Awaitable<void> {
    const { resumable } = this.store.capabilities;
    const decision = connection.decision ?? this.pending.begin();
    decision.assertStands();
    const id = resumable ? newSelector() : connection.id;
    const token = resumable && this.settings.token !== undefined;
    const { subject, decidedAt } = decision;
    const created = createStored(this, { id, data, isChecked, subject, decidedAt, hold: true, token });
    if ("stored" in created) return this.#attachCreated(connection, created, decision);
    decision.expect(id);
    this.begin();
    return created
      .then(
        (later) => this.#attachCreated(connection, later, decision),
        (error: unknown) => {
          if (isSessionError(error, "REVOKED")) connection.end(REVOKED.code, REVOKED.reason);
          throw error;
        },
      )
      .finally(() => this.end());
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

  /** What is known of a session as the store is about to be asked, for `adopt`. */
  versionAtRequest(id: string): VersionStamp | undefined {
    return this.#find(id)?.versionStamp;
  }

  /** The one state of the session in this process, brought up to `stored` and kept for one more connection. */
  adopt(
    id: string,
    stored: StoredSession,
    versionAtRequest?: VersionStamp,
    isChecked: boolean = false,
  ): LocalSession<Data> {
    // Kept on its connection, a session needs no place in the table and is named by it.
    if (!this.store.capabilities.resumable) return new LocalSession(this, undefined, stored, isChecked);
    const state = this.#current(id, stored, versionAtRequest, isChecked);
    this.#table.retain(state);
    this.#lifetimes.watch(state, stored.idleInMs, stored.absoluteInMs);
    return state;
  }

  /** As `adopt`, for a session that was created for the connection, so that its data has passed the schema. */
  adoptNew(id: string, stored: StoredSession): LocalSession<Data> {
    return this.#made(id, true, () => this.adopt(id, stored, undefined, true));
  }

  /** The connection is there: it is one of the session's from now on. */
  attach(
    connection: UnattachedConnection<Data>,
    { state, fence, token, resumed }: AdmittedSession<Data>,
    decision: PendingDecision,
  ): void {
    const { exclusive, maxConnectionsPerSession, idleMs, absoluteMs } = this.settings;
    const takesOver = exclusive && resumed && this.store.takeOver !== undefined;
    if (exclusive && !takesOver) state.replace(fence);
    decision.dispose();
    connection.token = token;
    connection.attach(state, takesOver ? PENDING_FENCE : fence);
    this.#lifetimes.join(state, connection);
    if (state.connectionCount > maxConnectionsPerSession) endOldest(state, maxConnectionsPerSession);
    if (!this.store.capabilities.resumable) this.#lifetimes.watch(state, idleMs, absoluteMs);
    // It went, or was taken over, while its connection was on the way.
    if (decision.ending !== undefined) {
      if (takesOver) connection.fence = LOST_FENCE;
      connection.end(decision.ending.code, decision.ending.reason);
    } else if (state.gone) connection.end(4410, "session gone");
    else if (takesOver) {
      this.pending.endOlder(state.id, decision.resumeNumber, REPLACED);
      takeOver(state, connection, (id) => this.store.takeOver?.(id) ?? { type: "missing" });
    } else if (fence < state.fence) connection.end(REPLACED.code, REPLACED.reason);
  }

  /** Admitted, but its connection never came. A session that no client learned of is destroyed. */
  releaseAdmitted({ state, resumed }: AdmittedSession<Data>): void {
    const { id } = state;
    this.releaseInStore(id);
    this.onConnectionFinished(state);
    if (!resumed) this.#background(() => this.store.destroy(id, undefined, false), id);
  }

  /** A connection of the session ends, or is being ended by this side: it counts no more. */
  onConnectionClosed(state: LocalSession<Data>, connection: SessionConnection<Data>): void {
    if (this.store.capabilities.resumable) this.#lifetimes.onConnectionClosed(state, connection);
    state.removeConnection(connection);
    this.releaseInStore(state.id);
  }

  /** A connection has ended: the store need not tell this process for its sake any more. */
  releaseInStore(id: string): void {
    this.#background(() => this.store.release(id), id);
  }

  /** A connection's close handler has settled. */
  onConnectionFinished(state: LocalSession<Data>): void {
    if (!this.store.capabilities.resumable) state.gone = true;
    else if (!this.#table.release(state)) return;
    this.#lifetimes.unwatch(state);
  }

  /** A message came for a session whose idle deadline is near. */
  touchBeforeIdleDeadline(state: LocalSession<Data>): void {
    this.#lifetimes.lookNow(state);
  }

  destroyStolen(id: string): void {
    this.#background(async () => {
      await this.store.destroy(id, "token stolen", false);
      this.endSession(id, { code: 4410, reason: "token stolen" });
    }, id);
  }

  // --- for states ---

  begin(): void {
    this.#underWay += 1;
  }

  end(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#idle?.();
  }

  /** What shutdown does not wait for, amid what it waits for: the application's own code may hang. */
  async aside<Result>(running: Awaitable<Result>): Promise<Result> {
    this.end();
    try {
      return await running;
    } finally {
      this.begin();
    }
  }

  deadlinesMoved(state: LocalSession<Data>, idleInMs: number, absoluteInMs: number | undefined): void {
    this.#lifetimes.move(state, idleInMs, absoluteInMs);
  }

  report(error: unknown, context: ErrorContext): void {
    this.#outages.report(error, context);
  }

  #callOnError(error: unknown, context: ErrorContext): void {
    const isClient = context.stage === "client";
    if (isClient) this.diagnostics.clientErrors += 1;
    try {
      const { onError } = this.settings;
      if (onError !== undefined) disregard(onError(error, context));
      else if (!isClient) this.#warnings.warn(context.stage, error);
    } catch {
      // There is nobody left to tell.
    }
  }

  // --- for the store ---

  held(id: string): HeldSession | undefined {
    const state = this.#slots.find(id) ?? this.#table.findConnected(id);
    if (state === undefined || state.gone) return undefined;
    const { version, lineage, data, subject, fence } = state;
    const { schemaVersion } = this.settings;
    const left = this.#lifetimes.left(state);
    if (left.idleInMs <= 0 || left.absoluteInMs <= 0) return undefined;
    return {
      version,
      lineage,
      data,
      subject,
      fence,
      schemaVersion,
      ...left,
      connections: state.connectionCount,
    };
  }

  *heldIds(): Iterable<string> {
    yield* this.#slots.ids();
    yield* this.#table.connectedIds();
  }

  notify(event: StoreEvent): number {
    if (event.type === "destroyed") this.pending.endSession(event.id, destroyedEnding(event.reason));
    else if (event.type === "expired") this.pending.endSession(event.id, EXPIRED);
    const state = this.#table.findConnected(event.id);
    if (state === undefined) return 0;
    if (event.type === "expired") this.#checkDeadline(state);
    const ended = state.notify(event);
    this.changes.flush();
    return ended;
  }

  /** A session that is gone long before the deadline that is known here did not expire: the store lost it. */
  #checkDeadline(state: LocalSession<Data>): void {
    const { idleInMs, absoluteInMs } = this.#lifetimes.left(state);
    const { idleMs } = this.settings;
    const slackMs =
      idleMs === Infinity ? CLOCKS_DIFFER_MS : Math.max(CLOCKS_DIFFER_MS, idleMs * DEADLINES_DIFFER);
    if (state.gone || absoluteInMs <= CLOCKS_DIFFER_MS || idleInMs <= slackMs) return;
    const leftMs = Math.min(idleInMs, absoluteInMs);
    this.diagnostics.storeLosses += 1;
    const when =
      leftMs === Infinity ? "though it never expires" : `${Math.round(leftMs)} ms before its deadline`;
    this.report(new SessionError("SESSION_GONE", `the store lost a session ${when}`), {
      stage: "store",
      sessionId: state.id,
    });
  }

  onError(error: unknown): void {
    this.report(error, { stage: "store" });
  }

  /** Settles what is under way, then lets go of the store. */
  async close(): Promise<void> {
    while (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    this.#isClosed = true;
    try {
      await this.store.close();
    } finally {
      this.#outages.close();
    }
  }

  #background(task: () => unknown, sessionId: string): void {
    this.begin();
    // After `close` too: what a late handshake made is taken back.
    typed(task).then(
      () => this.end(),
      (error: unknown) => {
        this.report(error, { stage: "store", sessionId });
        this.end();
      },
    );
  }

  /** A session that its own process can't read (a schema may refuse what it made itself) is of no use: it goes. */
  #made(id: string, isHeld: boolean, adopt: () => LocalSession<Data>): LocalSession<Data> {
    try {
      return adopt();
    } catch (error) {
      if (isHeld) this.releaseInStore(id);
      this.#background(() => this.store.destroy(id, undefined, false), id);
      throw error;
    }
  }

  #find(id: string): LocalSession<Data> | undefined {
    return this.#slots.find(id) ?? this.#table.find(id);
  }

  /** The state that there is, brought up to `stored`, or a new one. */
  #current(
    id: string,
    stored: StoredSession,
    versionAtRequest?: VersionStamp,
    isChecked?: boolean,
  ): LocalSession<Data> {
    this.#outages.answered();
    const known = this.#find(id);
    if (known === undefined || known.gone) return new LocalSession(this, id, stored, isChecked);
    known.adopt(stored, versionAtRequest);
    return known;
  }

  /** As `#current`, for a handle, which keeps it. */
  #bringUp(
    id: string,
    stored: StoredSession,
    versionAtRequest?: VersionStamp,
    isChecked?: boolean,
  ): LocalSession<Data> {
    const state = this.#current(id, stored, versionAtRequest, isChecked);
    this.#table.keepWeakly(state);
    return state;
  }
}

/** Those over `most`, the oldest first; one that is closing already is none. */
function endOldest<Data extends object>(state: LocalSession<Data>, most: number): void {
  const alive = [...state.connections()].filter((connection) => !connection.isEnding);
  for (const oldest of alive.slice(0, Math.max(0, alive.length - most))) {
    oldest.end(4409, "too many connections of one session");
    state.removeConnection(oldest);
  }
}

async function typed<Result>(question: () => Result): Promise<Awaited<Result>> {
  try {
    return await question();
  } catch (error) {
    throw asStoreError(error);
  }
}

function closedError(): SessionError {
  return new SessionError("SHUTTING_DOWN", "sessions.close() was called", { outcome: "not-applied" });
}

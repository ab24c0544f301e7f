import type { ChangeQueue } from "./changes.ts";
import { deepFreeze } from "../store/change.ts";
import { PENDING_FENCE, LOST_FENCE } from "./session-connection.ts";
import type { SessionConnection } from "./session-connection.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import { EXPIRED, GONE, REPLACED, TOO_MANY_CONNECTIONS } from "../base/endings.ts";
import type { Ending } from "../base/endings.ts";
import { goneError } from "../base/errors.ts";
import type { ErrorContext } from "../api/error-context.ts";
import type { Settings } from "../api/settings.ts";
import { checkData, migrated } from "./data.ts";
import type { Lifetime, LifetimeKeeper } from "./lifetime.ts";
import type { OutboxAccess } from "./outbox-access.ts";
import type { PendingDecisions } from "./pending.ts";
import type { SessionStore, StoredSession } from "../store/contract.ts";
import type { StoreCalls } from "./store-calls.ts";
import type { SessionWrites } from "./writes.ts";

/** Read once, because reading the environment costs more CPU than the rest of a write in this process. */
const IS_DEVELOPMENT = process.env["NODE_ENV"] !== "production";

/** A point in the history of a session. A lineage of `undefined` is the same as 0. */
export type VersionStamp = Pick<StoredSession, "version" | "lineage">;

/** The objects that all sessions of a process share. The registry implements the interface, because sessions call up through it. */
export interface SessionContext<Data extends object> {
  readonly store: SessionStore;
  readonly settings: Settings<Data>;
  readonly diagnostics: Diagnostics;
  readonly pending: PendingDecisions;
  readonly changes: ChangeQueue<Data>;
  readonly outboxes: OutboxAccess;
  readonly calls: StoreCalls;
  /** Ends this process's connections of a session that is gone. Returns how many. */
  endSession(id: string, ending: Ending): number;
  /** Ends this process's connections of a session that have a lower fence. */
  replaceSession(id: string, fence: number): void;
  /** Reports to the store that one connection of the session has ended. */
  releaseInStore(id: string): void;
  /** Destroys a session that no client can use, in the background. */
  destroyUnused(id: string): void;
  readonly lifetimes: LifetimeKeeper<LocalSession<Data>>;
  report(error: unknown, context: ErrorContext): void;
}

/** States whose stored record has another schema version. A WeakSet, because a field would cost memory in each of the other states. */
const otherVersion = new WeakSet<object>();
/** Why sessions ended. Connections that are attached later get the same close code. */
const endings = new WeakMap<object, Ending>();

/**
 * The one state of a session in this process, for all its handles and connections. The version only rises (I8). A change is
 * applied only if its version is the version here + 1; otherwise the session is read again. The version falls only if the store
 * itself lost changes.
 */
export class LocalSession<Data extends object> {
  readonly context: SessionContext<Data>;
  data: Readonly<Data>;
  version: number;
  lineage: number;
  subject: string | undefined;
  fence: number;
  isGone = false;
  /** The deadlines; `undefined` for a session that never expires. */
  lifetime: Lifetime | undefined;
  /** Created by the first write. */
  writes: SessionWrites<Data> | undefined;
  #id: string | undefined;
  /** One connection is the common case, and a Set costs 200 bytes. */
  #connections: SessionConnection<Data> | Set<SessionConnection<Data>> | undefined;

  /**
   * Without an id the session lives on its connection, and has the connection's id. `isChecked`: the data has passed the schema
   * already, because the session was created just now.
   */
  constructor(
    context: SessionContext<Data>,
    id: string | undefined,
    stored: StoredSession,
    isChecked: boolean = false,
  ) {
    this.context = context;
    this.#id = id;
    this.data = this.accept(stored.data, stored.schemaVersion, isChecked);
    this.version = stored.version;
    this.lineage = stored.lineage ?? 0;
    this.subject = stored.subject;
    this.fence = stored.fence;
    this.#connections = undefined;
    this.lifetime = undefined;
  }

  get id(): string {
    return (this.#id ??= this.connections().next().value?.id ?? "");
  }

  *connections(): Generator<SessionConnection<Data>, void, void> {
    if (this.#connections instanceof Set) yield* [...this.#connections];
    else if (this.#connections !== undefined) yield this.#connections;
  }

  get connectionCount(): number {
    if (this.#connections instanceof Set) return this.#connections.size;
    return this.#connections === undefined ? 0 : 1;
  }

  addConnection(connection: SessionConnection<Data>): void {
    if (this.#connections === undefined) this.#connections = connection;
    else if (this.#connections instanceof Set) this.#connections.add(connection);
    else this.#connections = new Set([this.#connections, connection]);
  }

  removeConnection(connection: SessionConnection<Data>): void {
    if (this.#connections === connection) {
      this.#id ??= connection.id;
      this.#connections = undefined;
    } else if (this.#connections instanceof Set) this.#connections.delete(connection);
  }

  /** Checks data for a write. Throws INVALID_DATA before anything has changed. */
  check(data: object): Data {
    return checkData(this.context.settings.schema, data);
  }

  /** Migrates and checks data that was loaded. Throws INVALID_DATA. */
  accept(data: object, schemaVersion: number, isChecked: boolean = false): Readonly<Data> {
    const { schema, migrate, schemaVersion: ownVersion } = this.context.settings;
    const isOther = migrate !== undefined && schemaVersion !== ownVersion;
    const own = isOther ? migrated(migrate, data, schemaVersion) : data;
    const accepted = this.protect(checkData(isChecked ? undefined : schema, own));
    if (isOther) otherVersion.add(this);
    else otherVersion.delete(this);
    return accepted;
  }

  /** Whether the stored record is of another schema version. Then it differs from `data`, and a write must replace all of it. */
  get isOtherVersion(): boolean {
    return otherVersion.has(this);
  }

  /** Freezes JSON data in development, because a change in place would be lost without an error. */
  protect(data: Data): Readonly<Data> {
    if (!IS_DEVELOPMENT || this.context.store.capabilities.values !== "json") return data;
    try {
      return deepFreeze(data);
    } catch {
      // A getter or a proxy threw. The store refuses such data, with the same error as in production.
      return data;
    }
  }

  /** The version here. Taken before a request to the store, for `adopt`. */
  get versionStamp(): VersionStamp {
    return { version: this.version, lineage: this.lineage };
  }

  /**
   * Adopts the store's answer if its version is newer than the version here. An older answer is adopted only if the store lost
   * acknowledged changes in a failover or a restart. There are two signs of such a loss. The answer is older than
   * `versionAtRequest`, and that is still the version here. Or the versions are equal and the lineages differ. After a loss the
   * versions continue from the answer.
   */
  adopt(stored: StoredSession, versionAtRequest?: VersionStamp): void {
    const { version, lineage = 0 } = stored;
    const isOther = version < this.version || (version === this.version && lineage !== this.lineage);
    const isLoss = isOther && versionAtRequest !== undefined && this.isAt(versionAtRequest);
    if (version <= this.version && !isLoss) return;
    const data = this.accept(stored.data, stored.schemaVersion);
    if (isLoss) this.context.diagnostics.storeLosses += 1;
    this.subject = stored.subject;
    this.fence = stored.fence;
    this.moveTo(version, lineage, data, undefined);
  }

  /** Applies a change that this process made to `versionAtRequest`, if that is still the version here. `writer` gets no event. */
  applyOwnWrite(
    versionAtRequest: VersionStamp,
    made: VersionStamp,
    data: Readonly<Data>,
    writer: SessionConnection<Data> | undefined,
  ): void {
    if (!this.isAt(versionAtRequest) || made.version !== versionAtRequest.version + 1) return;
    otherVersion.delete(this);
    this.moveTo(made.version, made.lineage ?? 0, data, writer);
  }

  /** Applies a subject that this process set at `versionAtRequest`. */
  applyOwnSubject(versionAtRequest: VersionStamp, made: VersionStamp, subject: string): void {
    if (!this.isAt(versionAtRequest) || made.version !== versionAtRequest.version + 1) return;
    this.subject = subject;
    this.version = made.version;
    this.lineage = made.lineage ?? 0;
  }

  /** Whether `data` here is of this version of this history. */
  isAt({ version, lineage = 0 }: VersionStamp): boolean {
    return this.version === version && this.lineage === lineage;
  }

  /** Sets another version with its data. Every connection except the writer gets a `change` event. */
  moveTo(
    version: number,
    lineage: number,
    data: Readonly<Data>,
    writer: SessionConnection<Data> | undefined,
  ): void {
    this.version = version;
    this.lineage = lineage;
    this.data = data;
    if (this.#connections === undefined) return;
    for (const connection of this.connections())
      if (connection !== writer) this.context.changes.add(connection, this);
  }

  /** Reads the session from the store. If the session is gone, ends its connections and rejects with SESSION_GONE. */
  async read(): Promise<void> {
    if (this.isGone) throw goneError();
    const versionAtRequest = this.versionStamp;
    const stored = await this.context.store.load(this.id);
    if (stored === undefined) {
      this.endSession(GONE);
      throw goneError();
    }
    const { version, lineage = 0 } = stored;
    // Adopt the data of an equal version too: in production the application may have changed the local data in place.
    if (this.context.store.capabilities.values === "json" && this.isAt({ version, lineage }))
      this.data = this.accept(stored.data, stored.schemaVersion);
    else this.adopt(stored, versionAtRequest);
    this.context.lifetimes.set(this, stored);
  }

  /**
   * Ends the session here: refuses further writes and ends the connections. Returns the number of ended connections. `GONE`: the
   * store no longer has the session and does not say why, so the deadlines known here decide whether the session has expired.
   */
  endSession(found: Ending): number {
    if (this.isGone) return 0;
    const ending = found === GONE && this.context.lifetimes.isDue(this) ? EXPIRED : found;
    this.isGone = true;
    endings.set(this, ending);
    this.context.pending.endSession(this.id, ending);
    return this.endConnections(() => true, ending);
  }

  /** The ending for a connection that is attached after the session has ended. */
  get goneEnding(): Ending {
    return endings.get(this) ?? GONE;
  }

  /** Ends the other connections at once, for a newer connection of this process whose takeover the store has not answered yet. */
  replaceOthers(newer: SessionConnection<Data>): void {
    for (const connection of this.connections())
      if (connection !== newer && connection.fence === PENDING_FENCE) connection.fence = LOST_FENCE;
    this.endConnections((connection) => connection !== newer, REPLACED);
  }

  /** Ends the connections with a lower fence than `fence`, which a newer connection has (I13). Returns how many. */
  replace(fence: number): number {
    if (fence > this.fence) this.fence = fence;
    return this.endConnections((connection) => connection.fence < fence, REPLACED);
  }

  /** Ends the oldest connections until `most` are left. A connection that is ending already does not count. */
  endOldest(most: number): void {
    const alive = [...this.connections()].filter((connection) => !connection.isEnding);
    for (const oldest of alive.slice(0, Math.max(0, alive.length - most))) {
      oldest.end(TOO_MANY_CONNECTIONS.code, TOO_MANY_CONNECTIONS.reason);
      this.removeConnection(oldest);
    }
  }

  /** Handles an unhandled rejection of a call on an administrative handle. */
  unhandled(error: unknown): void {
    this.context.report(error, { stage: "unhandled", sessionId: this.id });
  }

  private endConnections(which: (connection: SessionConnection<Data>) => boolean, ending: Ending): number {
    let ended = 0;
    for (const connection of this.connections()) {
      if (!which(connection)) continue;
      connection.end(ending.code, ending.reason);
      ended += 1;
    }
    return ended;
  }
}

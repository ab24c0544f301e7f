import type { ChangeQueue } from "./changes.ts";
import { applyChange, deepFreeze } from "../store/change.ts";
import { PENDING_FENCE, LOST_FENCE } from "./session-connection.ts";
import type { SessionConnection } from "./session-connection.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import { REPLACED } from "../base/endings.ts";
import type { Ending } from "../base/endings.ts";
import { goneError } from "../base/errors.ts";
import type { ErrorContext, Settings } from "../api/options.ts";
import type { Awaitable } from "@wsession/protocol";
import { checkData, migrated } from "./data.ts";
import type { PendingDecisions } from "./pending.ts";
import type { Fields, SessionStore, StoredSession, StoreEvent } from "../store/contract.ts";

/** As of the start: to read the environment costs more than all else that a write does here. */
const IN_DEVELOPMENT = process.env["NODE_ENV"] !== "production";

/** A point in the history of a session. A lineage of `undefined` is the same as 0. */
export type VersionStamp = Pick<StoredSession, "version" | "lineage">;

/** One write that the application asked for. */
export interface Write<Data extends object> {
  readonly kind:
    | { readonly type: "patch"; readonly fields: Fields }
    | { readonly type: "set"; readonly data: Data }
    | { readonly type: "update"; readonly change: (data: Readonly<Data>) => Data };
  /** The connection whose handle made the call; `undefined`: an administrative one. */
  readonly writer: SessionConnection<Data> | undefined;
}

/** A session's writes, one at a time. */
export interface Writes<Data extends object> {
  /** Resolves with `resultOf` the data right after this write, once the store has acknowledged it. */
  write<Result>(write: Write<Data>, resultOf: (data: Readonly<Data>) => Result): Promise<Result>;
  /** Runs a task that writes by itself, when nothing else does. */
  alone<Result>(task: () => Awaitable<Result>): Promise<Result>;
}

/** What the composition root lends to the states. */
export interface SessionContext<Data extends object> {
  readonly store: SessionStore;
  readonly settings: Pick<
    Settings<Data, unknown>,
    "schema" | "migrate" | "schemaVersion" | "idleMs" | "absoluteMs" | "graceMs"
  >;
  readonly diagnostics: Diagnostics;
  readonly pending: PendingDecisions;
  readonly changes: ChangeQueue<Data>;
  /** A call of the store is under way, until as many `end`: shutdown waits for it. */
  begin(): void;
  end(): void;
  report(error: unknown, context: ErrorContext): void;
  /** The deadlines are this far away now; the absolute one was not moved where it is `undefined`. */
  deadlinesMoved(state: LocalSession<Data>, idleInMs: number, absoluteInMs: number | undefined): void;
}

/** States whose record is of another schema version. Few are, so they are kept apart: a field would cost every session. */
const otherVersion = new WeakSet<object>();

/**
 * What a session is in this process: one for all its handles and connections. Its version only goes up (I8): a change
 * that does not take the version here to the next one is not applied; the session is read instead. It goes back only where
 * the store itself did.
 */
export class LocalSession<Data extends object> {
  readonly context: SessionContext<Data>;
  data: Readonly<Data>;
  version: number;
  lineage: number;
  subject: string | undefined;
  fence: number;
  gone = false;
  /** Created by the first write. */
  writes: Writes<Data> | undefined;
  #id: string | undefined;
  /** One connection is the common case, and a Set costs 200 bytes. */
  #connections: SessionConnection<Data> | Set<SessionConnection<Data>> | undefined;

  /**
   * Without an id the session is its connection's own, and named by it. `isChecked`: it was created just now, of data that
   * has passed the schema.
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

  /** Data for a write. Throws INVALID_DATA; nothing was changed then. */
  check(data: object): Data {
    return checkData(this.context.settings.schema, data);
  }

  /** Data that was loaded: brought up to date, and checked. Throws INVALID_DATA. */
  accept(data: object, schemaVersion: number, isChecked: boolean = false): Readonly<Data> {
    const { schema, migrate, schemaVersion: today } = this.context.settings;
    const isOther = migrate !== undefined && schemaVersion !== today;
    const current = isOther ? migrated(migrate, data, schemaVersion) : data;
    const accepted = this.protect(checkData(isChecked ? undefined : schema, current));
    if (isOther) otherVersion.add(this);
    else otherVersion.delete(this);
    return accepted;
  }

  /** Whether what is stored is of another schema version, so that `data` is not it: to be written whole, or not at all. */
  get isOtherVersion(): boolean {
    return otherVersion.has(this);
  }

  /** Where values are JSON a change made in place would be lost: in development it throws instead. */
  protect(data: Data): Readonly<Data> {
    return IN_DEVELOPMENT && this.context.store.capabilities.values === "json" ? deepFreeze(data) : data;
  }

  /** What is known here as a question leaves, for `adopt`. */
  get versionStamp(): VersionStamp {
    return { version: this.version, lineage: this.lineage };
  }

  /**
   * Takes over what the store says, if it is newer. An answer older than what was known as its question left (`versionAtRequest`) and
   * is still, or as old and of another lineage, tells that the store lost changes that it had acknowledged, in a failover
   * or a restart: versions go on from there.
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
    this.move(version, lineage, data, undefined);
  }

  /** Takes over a change that this process made to what it knew (`versionAtRequest`), and is still there. `writer` need not be told. */
  advance(
    versionAtRequest: VersionStamp,
    made: VersionStamp,
    data: Readonly<Data>,
    writer: SessionConnection<Data> | undefined,
  ): void {
    if (!this.isAt(versionAtRequest) || made.version !== versionAtRequest.version + 1) return;
    otherVersion.delete(this);
    this.move(made.version, made.lineage ?? 0, data, writer);
  }

  /** The subject was set by this process, on what it knew. */
  identified(versionAtRequest: VersionStamp, made: VersionStamp, subject: string): void {
    if (!this.isAt(versionAtRequest) || made.version !== versionAtRequest.version + 1) return;
    this.subject = subject;
    this.version = made.version;
    this.lineage = made.lineage ?? 0;
  }

  private isAt({ version, lineage = 0 }: VersionStamp): boolean {
    return this.version === version && this.lineage === lineage;
  }

  private move(
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

  /** What others did. Returns how many connections it ended. */
  notify(event: StoreEvent): number {
    switch (event.type) {
      case "written":
        this.applyAnnouncement(event);
        return 0;
      case "loaded":
        try {
          this.adopt(event.session, event.behind === true ? this.versionStamp : undefined);
        } catch (error) {
          this.report(error);
        }
        return 0;
      case "destroyed":
        return this.endSession({ code: 4410, reason: event.reason ?? "session destroyed" });
      case "expired":
        return this.endSession({ code: 4419, reason: "session expired" });
      case "replaced":
        return this.replace(event.fence);
      case "appended":
        return 0;
    }
  }

  private applyAnnouncement(event: Extract<StoreEvent, { type: "written" }>): void {
    const { version, lineage = 0, after = 0, change } = event;
    if (version < this.version || (version === this.version && lineage === this.lineage)) return;
    const isNext = version === this.version + 1 && after === this.lineage;
    if (change === undefined || !isNext || this.isOtherVersion) return this.reread();
    let data: Data;
    try {
      data = checkData(this.context.settings.schema, applyChange(this.data, change));
    } catch {
      // It may be of another schema version: what is stored says so, and what it is worth.
      return this.reread();
    }
    this.move(version, lineage, this.protect(data), undefined);
  }

  private reread(): void {
    this.context.diagnostics.rereads += 1;
    this.read().catch((error: unknown) => this.report(error));
  }

  /** Reads from the store. Rejects with SESSION_GONE, and then ends the connections too. */
  async read(): Promise<void> {
    if (this.gone) throw goneError();
    const versionAtRequest = this.versionStamp;
    const stored = await this.context.store.load(this.id);
    if (stored === undefined) {
      this.endSession({ code: 4410, reason: "session gone" });
      throw goneError();
    }
    const { version, lineage = 0 } = stored;
    // What is kept here may have been changed in place, which only development prevents.
    if (this.context.store.capabilities.values === "json" && this.isAt({ version, lineage }))
      this.data = this.accept(stored.data, stored.schemaVersion);
    else this.adopt(stored, versionAtRequest);
    this.context.deadlinesMoved(this, stored.idleInMs, stored.absoluteInMs);
  }

  /** The session is no more: nothing is written from here on, and its connections end. */
  endSession(ending: Ending): number {
    if (this.gone) return 0;
    this.gone = true;
    this.context.pending.endSession(this.id, ending);
    return this.end((connection) => connection !== undefined, ending);
  }

  /** A newer connection of this process is about to take the session over: the others end without waiting for the store. */
  replaceOthers(newer: SessionConnection<Data>): void {
    for (const connection of this.connections())
      if (connection !== newer && connection.fence === PENDING_FENCE) connection.fence = LOST_FENCE;
    this.end((connection) => connection !== newer, REPLACED);
  }

  /** A newer connection has `fence`: those before it end (I13). */
  replace(fence: number): number {
    if (fence > this.fence) this.fence = fence;
    return this.end((connection) => connection.fence < fence, REPLACED);
  }

  /** Nobody handled the rejection of a call that an administrative handle made. */
  unhandled(error: unknown): void {
    this.context.report(error, { stage: "unhandled", sessionId: this.id });
  }

  private report(error: unknown): void {
    this.context.report(error, { stage: "store", sessionId: this.id });
  }

  private end(which: (connection: SessionConnection<Data>) => boolean, ending: Ending): number {
    let ended = 0;
    for (const connection of this.connections()) {
      if (!which(connection)) continue;
      connection.end(ending.code, ending.reason);
      ended += 1;
    }
    return ended;
  }
}

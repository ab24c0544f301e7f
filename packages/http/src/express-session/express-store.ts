/* oxlint-disable typescript/no-unnecessary-type-parameters -- the types of the middlewares are inferred, without depending on them */
/** A store for express-session and @fastify/session, whose sessions are those of the sockets. */
import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";
import { isSessionError, SessionError } from "@wsession/core";
import {
  assertFunction,
  assertNoMore,
  assertString,
  createWithId,
  inOneOperation,
  owned,
} from "@wsession/core/runtime";
import { assertSessions, ownerOf } from "../arguments.ts";
import { idleMsOf, restoredCookie, storedCookie } from "./cookie.ts";
import { Inflater } from "./inflater.ts";
import { assertSession, changesOf, dataOf, fieldsOf, LOADED, Loaded, loadedOf, putLoaded } from "./loaded.ts";

/** The callback of the middleware: called without an argument, or with the error. */
type Done = (error?: unknown) => void;

/** The members of a session that the store uses. */
interface StoredHandle {
  /** The data of the session, which may not be changed in place. */
  readonly data: object;
  /** Milliseconds since the epoch. */
  readonly idleExpiresAt: number;
  /** Replaces all data. */
  set(data: object): Promise<void>;
  /** Sets these fields, and deletes those that are `undefined`. */
  patch(fields: object): Promise<void>;
  /** Restarts the idle time. */
  touch(): Promise<void>;
  /** Gives the session an idle time of its own, milliseconds. */
  extend(lifetimes: { readonly idleMs: number }): Promise<void>;
  /** Destroys the session. False: it was gone. */
  destroy(reason?: string): Promise<boolean>;
}

/** The members of `createSessions`' result that `expressStore` uses, for sessions of any data. */
export interface SessionsForStore {
  /** The session of an id; `undefined` if there is none. */
  get(id: string): Promise<StoredHandle | undefined>;
  /** All sessions, in no order. */
  entries(): AsyncIterable<StoredHandle>;
}

/** The store that `expressStore` returns, for express-session and @fastify/session. The middleware calls its methods. */
export interface ExpressStore extends EventEmitter {
  /** Reads a session. `null`: there is none, or it has expired. */
  get<Stored>(sid: string, callback: (error: unknown, session?: Stored | null) => void): void;
  /** Writes the fields that the request has changed. Creates the session if the `sid` is new. */
  set(sid: string, session: object, callback?: Done): void;
  /** Restarts the idle time. Does nothing if the session is gone. */
  touch(sid: string, session: object, callback?: Done): void;
  /** Destroys the session, and closes its WebSockets. */
  destroy(sid: string, callback?: Done): void;
  /** All sessions that express-session created, in no order. */
  all<Stored>(callback: (error: unknown, sessions?: Stored[] | null) => void): void;
  /** How many sessions `all` would return. */
  length(callback: (error: unknown, length?: number) => void): void;
  /** Destroys the sessions that `all` would return. */
  clear(callback?: Done): void;
  /** As `get`, with the session as an object of express-session. */
  load<Loaded>(sid: string, callback: (error: unknown, session?: Loaded) => unknown): void;
  /** Destroys the request's session, and gives the request a new one under a new `sid`. */
  regenerate(request: object, callback: Done): void;
  /** Makes the request's session from stored data. */
  createSession<Inflated>(request: object, session: object): Inflated;
  /** The id of the session in wsession, for `accept({ sessionId })`. It is not a secret, and does not reveal the `sid`. */
  sessionIdOf(sid: string): string;
}

/**
 * A store for express-session and @fastify/session in the sessions of wsession: one session for HTTP and for sockets. A request
 * writes only the fields that it has changed since it loaded the session, so that it does not overwrite another field that a
 * socket or another request has changed meanwhile. A destroyed session is not written again.
 *
 * The session's idle time is the cookie's `maxAge`, or `idleMs` of the sessions for a cookie without one. A cookie that loses its
 * `maxAge` later leaves the idle time as it is. `absoluteMs` of the sessions holds too. Each request is activity.
 *
 * @throws INVALID_ARGUMENT for a value that is not the result of `createSessions`.
 * @example
 * const store = expressStore(sessions);
 * app.use(session({ store, secret, resave: false, saveUninitialized: false }));
 */
export function expressStore(sessions: SessionsForStore): ExpressStore;
export function expressStore(sessions: SessionsForStore, surplus?: undefined): ExpressStore {
  assertSessions("expressStore", sessions);
  assertNoMore("expressStore()", surplus);
  return new SessionsStore(sessions);
}

class SessionsStore extends EventEmitter implements ExpressStore {
  readonly #sessions: SessionsForStore;
  readonly #inflater = new Inflater();

  constructor(sessions: SessionsForStore) {
    super();
    this.#sessions = sessions;
  }

  sessionIdOf(sid: string): string {
    assertString("sessionIdOf(): sid", sid);
    // A middleware's id proves the right to the session once it is signed, so logs and keys must not contain the id.
    return createHash("sha256").update(sid).digest("base64url");
  }

  get<Stored>(sid: string, callback: (error: unknown, session?: Stored | null) => void): void {
    this.#answer(() => this.#get<Stored>(sid), callback);
  }

  set(sid: string, session: object, callback?: Done): void {
    this.#answer(() => this.#set(sid, session), callback);
  }

  touch(sid: string, session: object, callback?: Done): void {
    this.#answer(() => this.#touch(sid, session), callback);
  }

  destroy(sid: string, callback?: Done): void {
    this.#answer(() => this.#destroy(sid), callback);
  }

  all<Stored>(callback: (error: unknown, sessions?: Stored[] | null) => void): void {
    this.#answer(() => this.#all<Stored>(), callback);
  }

  length(callback: (error: unknown, length?: number) => void): void {
    this.#answer(async () => (await this.#all()).length, callback);
  }

  clear(callback?: Done): void {
    this.#answer(() => this.#clear(), callback);
  }

  load<Loaded>(sid: string, callback: (error: unknown, session?: Loaded) => unknown): void {
    this.#answer<Loaded | undefined>(() => this.#load<Loaded>(sid), callback);
  }

  regenerate(request: object, callback: Done): void {
    this.#answer(() => this.#regenerate(request), callback);
  }

  createSession<Inflated>(request: object, session: object): Inflated {
    const inflated = this.#inflater.inflate(this, request, session);
    const loaded: unknown = Reflect.get(session, LOADED);
    if (loaded instanceof Loaded) putLoaded(inflated, loaded);
    return Object(inflated);
  }

  async #get<Stored>(sid: string): Promise<Stored | null> {
    const session = await this.#sessions.get(this.sessionIdOf(sid));
    if (session === undefined) return null;
    const fields = fieldsOf(session.data);
    const data = dataOf(fields);
    const cookie = restoredCookie(data["cookie"], session);
    return Object({ ...data, cookie, [LOADED]: new Loaded(sid, fields) });
  }

  async #load<Inflated>(sid: string): Promise<Inflated | undefined> {
    const session = await this.#get<object>(sid);
    if (session === null) return undefined;
    return this.createSession<Inflated>({ sessionID: sid, sessionStore: this }, session);
  }

  async #regenerate(request: object): Promise<void> {
    try {
      await this.#destroy(String(Reflect.get(request, "sessionID")));
    } finally {
      // Also if the store fails, because a login must not continue with the earlier id (session fixation).
      this.#inflater.generate(this, request);
    }
  }

  async #set(sid: string, session: object): Promise<void> {
    assertSession("set()", session);
    const present = fieldsOf({ ...session, cookie: storedCookie(session) });
    const loaded = loadedOf(session, sid);
    if (loaded === undefined) await this.#create(sid, present);
    else await this.#save(sid, present, loaded);
    if (loaded !== undefined) loaded.fields = present;
    else putLoaded(session, new Loaded(sid, present));
  }

  async #create(sid: string, present: ReadonlyMap<string, string>): Promise<void> {
    const data = dataOf(present);
    const id = this.sessionIdOf(sid);
    try {
      await createWithId(this.#sessions, id, data, { idleMs: idleMsOf(data["cookie"]) });
    } catch (error) {
      if (!isSessionError(error, "CONFLICT")) throw error;
      // The application deleted all fields in a loop. With @fastify/session the loop deletes the loaded state too, because that
      // middleware copies it into an enumerable property. So the fields that are left replace all data.
      await this.#write(id, (handle) => handle.set(data), data);
    }
  }

  async #save(sid: string, present: ReadonlyMap<string, string>, loaded: Loaded): Promise<void> {
    const changes = changesOf(loaded.fields, present);
    const id = this.sessionIdOf(sid);
    if (Object.keys(changes).length > 0) return this.#write(id, (handle) => handle.patch(changes), changes);
    // The request has changed nothing, so nothing is lost if the session is gone meanwhile.
    await (await this.#sessions.get(id))?.touch().catch(unlessGone);
  }

  async #write(
    id: string,
    write: (handle: StoredHandle) => Promise<unknown>,
    { cookie }: { readonly cookie?: unknown },
  ): Promise<void> {
    const session = await this.#sessions.get(id);
    // Do not create a session again that was destroyed while the request ran, because that would undo a logout (I9).
    if (session === undefined) throw goneError();
    await write(session);
    const idleMs = idleMsOf(cookie);
    await (idleMs === undefined ? session.touch() : session.extend({ idleMs }));
  }

  async #touch(sid: string, session: object): Promise<void> {
    assertSession("touch()", session);
    // The middleware touches a session that it has not changed, but the lifetime of its cookie may differ.
    const loaded = loadedOf(session, sid);
    const cookie = JSON.stringify(storedCookie(session));
    if (loaded === undefined || loaded.fields.get("cookie") === cookie)
      await (await this.#sessions.get(this.sessionIdOf(sid)))?.touch().catch(unlessGone);
    else await this.#set(sid, session);
  }

  async #destroy(sid: string): Promise<void> {
    await (await this.#sessions.get(this.sessionIdOf(sid)))?.destroy("logged out");
  }

  /** The sessions of the middleware. Other sessions have no cookie in their data. */
  async #handles(): Promise<StoredHandle[]> {
    const handles: StoredHandle[] = [];
    for await (const session of this.#sessions.entries()) if ("cookie" in session.data) handles.push(session);
    return handles;
  }

  async #all<Stored>(): Promise<Stored[]> {
    return (await this.#handles()).map(({ data }) => Object(dataOf(fieldsOf(data))));
  }

  async #clear(): Promise<void> {
    await Promise.all((await this.#handles()).map((session) => session.destroy("cleared")));
  }

  /**
   * Calls back in a turn of its own, so that an error of the callback is not a rejection of the store. Throws INVALID_ARGUMENT at
   * once for a callback that is not a function. `null` counts as no callback, because other stores accept it too.
   */
  #answer<Result>(
    work: () => Promise<Result>,
    callback: ((error: unknown, result?: Result) => void) | null | undefined,
  ): void {
    const sessions = this.#sessions;
    if (callback === undefined || callback === null) {
      void owned(inOneOperation(sessions, work), ownerOf(sessions));
      return;
    }
    assertFunction("the callback of a store of express-session", callback);
    inOneOperation(sessions, work).then(
      (value) => setImmediate(callback, null, value),
      (error: unknown) => setImmediate(callback, error),
    );
  }
}

function goneError(): SessionError {
  const message = "the session was destroyed, or has expired, while the request ran";
  return new SessionError("SESSION_GONE", message, { outcome: "not-applied" });
}

function unlessGone(error: unknown): void {
  if (!isSessionError(error, "SESSION_GONE")) throw error;
}

import { checkCreate, createSession } from "../admission/create.ts";
import { checkOpen, openSession } from "../admission/open.ts";
import { ServerBinding } from "./binding.ts";
import { assertCountsSilence, assertHandlers, assertRuntime } from "./bind-arguments.ts";
import { resolveCloseOptions } from "../api/resolve-close-options.ts";
import type { Closing } from "../api/resolve-close-options.ts";
import { LiveConnection } from "../connection/connection.ts";
import { byFacade } from "../connection/taps.ts";
import { Connections } from "../connection/connections.ts";
import type { Connection, Session } from "../api/contract.ts";
import type { Handlers } from "../api/handlers.ts";
import type { Health } from "../api/health.ts";
import type { CreateOptions, DestroyReport, OpenOptions, PresenceReport, Sessions } from "../api/sessions.ts";
import { assertNoMore, assertNone, assertReason } from "../base/arguments.ts";
import { newDiagnostics } from "../base/diagnostics.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import { EventLoopDelay } from "../base/event-loop-delay.ts";
import { invalidArgument, isUnreadable, SessionError } from "../base/errors.ts";
import { assertId, assertSubject } from "../base/names.ts";
import { owned } from "../base/owned-promise.ts";
import type { Settings } from "../api/settings.ts";
import type { CloseOptions, Runtime, RuntimeBinding } from "../api/runtime.ts";
import { SessionRegistry } from "../session/registry.ts";
import type { PresenceEvent, SubjectPresence } from "../store/presence-contract.ts";
import { Destructions } from "./destructions.ts";
import { healthOf } from "./health.ts";
import { Presence } from "./presence.ts";
import { countSent } from "./sent-to-subject.ts";
import type { SentToSubject } from "./sent-to-subject.ts";
import { checkWatch } from "./watch-arguments.ts";
import type { SessionsOnConnections } from "../session/table.ts";
import type { OriginRule } from "../handshake/handshake.ts";
import { isSessionId } from "../handshake/token.ts";
import type { PromiseOwner, SendOptions, Sent } from "@wsession/protocol";
import { checkMessage } from "../session/send-queue.ts";
import type { OutgoingMessage } from "../session/appending.ts";

/** The sessions of one application in one process. Builds the parts, and implements the public methods. */
export class LiveSessions<Data extends object> implements Sessions<Data, unknown, never>, PromiseOwner {
  readonly diagnostics: Diagnostics = newDiagnostics();
  readonly connections: Connections<Data> = new Connections();
  readonly registry: SessionRegistry<Data>;
  readonly #bindings: Set<{
    readonly runtime: Pick<Runtime<object>, "connectionOf">;
    readonly opening: { readonly socket: object } | undefined;
    close(options: CloseOptions): Promise<void>;
  }> = new Set();
  readonly #presence: Presence<Data>;
  readonly #destructions: Destructions<Data>;
  readonly #loop = new EventLoopDelay();
  #closing: Promise<void> | undefined;

  constructor(settings: Settings<Data>) {
    const { connections } = this;
    const { resumable } = settings.store.capabilities;
    const onConnections: SessionsOnConnections<Data> = {
      find: (id) => (resumable ? undefined : connections.find(id)?.state),
      *ids() {
        if (resumable) return;
        for (const { state } of connections) if (state !== undefined) yield state.id;
      },
    };
    this.registry = new SessionRegistry(settings, this.diagnostics, onConnections);
    this.#destructions = new Destructions(this.registry);
    this.#presence = new Presence(this.registry, connections.prefix);
  }

  bind<Socket extends object>(
    runtime: Runtime<Socket>,
    handlers: Handlers<Data, unknown, never, unknown, Socket>,
    surplus?: undefined,
  ): RuntimeBinding<Socket> {
    if (this.registry.isClosing) throw new SessionError("SHUTTING_DOWN", "sessions.close() was called");
    assertRuntime(runtime);
    assertHandlers(handlers);
    assertNoMore("bind()", surplus);
    assertCountsSilence(runtime, this.registry.settings.silentHeartbeats);
    if (handlers.transaction !== undefined) this.#assertTransactions();
    if (handlers.expiring !== undefined) this.registry.lifetimes.hasListeners = true;
    const binding = new ServerBinding<Data, Socket>(this.registry, this.connections, runtime, handlers);
    this.#bindings.add(binding);
    binding.onClosed(() => this.#bindings.delete(binding));
    return binding;
  }

  /** Throws for a store without transactions, because the application relies on exactly once. */
  #assertTransactions(): void {
    if (this.registry.outboxes.areKept && this.registry.store.commit !== undefined) return;
    throw new SessionError(
      "NOT_SUPPORTED",
      "this store has no transactions: use mapStore() or redisStore(), or leave the handler transaction out",
    );
  }

  of<Socket extends object>(
    socket: Socket,
    surplus?: undefined,
  ): Connection<Data, unknown, never, unknown, Socket> | undefined {
    if ((typeof socket !== "object" && typeof socket !== "function") || socket === null)
      throw invalidArgument("of() takes the socket object of the runtime");
    assertNoMore("of()", surplus);
    const ofFacade = byFacade.get(socket);
    for (const { runtime, opening } of this.#bindings) {
      const found = opening?.socket === socket ? opening : runtime.connectionOf(socket);
      const connection = ofFacade ?? found;
      // The runtime may have connections of other sessions too.
      if (connection instanceof LiveConnection && connection.binding.prefix === this.connections.prefix)
        return connection;
    }
    return undefined;
  }

  // A bad argument throws at once, also from methods that return a promise, because the caller may not await the promise. Each
  // promise that the application gets has an owner, because an unawaited rejection must not end the process (I12).

  unhandled(error: unknown): void {
    this.registry.report(error, { stage: "unhandled" });
  }

  ownPromise<Result>(promise: Promise<Result>): Promise<Result> {
    return owned(promise, this);
  }

  /** Runs an operation of several calls of the store. Shutdown waits for the whole operation. */
  #whole<Result>(operation: () => Promise<Result>): Promise<Result> {
    return owned(this.registry.calls.counted(operation), this);
  }

  get(id: string, surplus?: undefined): Promise<Session<Data> | undefined> {
    assertId("get()", id);
    assertNoMore("get()", surplus);
    return isSessionId(id) ? owned(this.registry.get(id), this) : Promise.resolve(undefined);
  }

  open(
    token: string | readonly string[],
    options: OpenOptions = {},
    surplus?: undefined,
  ): Promise<Session<Data> | undefined> {
    const request = checkOpen(token, options);
    assertNoMore("open()", surplus);
    return this.#whole(() => openSession(this.registry, request));
  }

  get origins(): OriginRule | undefined {
    return this.registry.settings.origins;
  }

  entries(surplus?: undefined): AsyncIterable<Session<Data>> {
    assertNone("entries()", surplus);
    return this.#entries();
  }

  async *#entries(): AsyncIterable<Session<Data>> {
    const ids = await this.registry.calls.ask(() => this.registry.store.ids());
    for await (const id of ids) {
      const session = await this.#readable(id);
      if (session !== undefined) yield session;
    }
  }

  create(
    data: Data,
    options: CreateOptions = {},
    surplus?: undefined,
  ): Promise<{ session: Session<Data>; token: string }> {
    const wanted = checkCreate(options);
    assertNoMore("create()", surplus);
    return this.#whole(() => createSession(this.registry, data, wanted));
  }

  destroy(id: string, reason?: string, surplus?: undefined): Promise<DestroyReport> {
    assertId("destroy()", id);
    assertReason("destroy()'s reason", reason);
    assertNoMore("destroy()", surplus);
    return owned(this.#destructions.one(id, reason), this);
  }

  bySubject(subject: string, surplus?: undefined): Promise<Session<Data>[]> {
    assertSubject("bySubject()", subject);
    assertNoMore("bySubject()", surplus);
    return this.#whole(() => this.#bySubject(subject));
  }

  async #bySubject(subject: string): Promise<Session<Data>[]> {
    const ids = await this.registry.calls.ask(() => this.registry.store.bySubject(subject));
    const sessions = await Promise.all(ids.map((id) => this.#readable(id)));
    return sessions.filter((session) => session !== undefined);
  }

  /** A session that can't be read is reported and left out, so that the others are still listed. */
  async #readable(id: string): Promise<Session<Data> | undefined> {
    try {
      return await this.registry.get(id);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      this.registry.report(error, { stage: "store", sessionId: id });
      return undefined;
    }
  }

  destroySubject(subject: string, reason?: string, surplus?: undefined): Promise<DestroyReport> {
    assertSubject("destroySubject()", subject);
    assertReason("destroySubject()'s reason", reason);
    assertNoMore("destroySubject()", surplus);
    return owned(this.#destructions.ofSubject(subject, reason), this);
  }

  send(
    id: string,
    message: string | Uint8Array,
    options?: SendOptions,
    surplus?: undefined,
  ): Promise<Sent | undefined> {
    assertId("send()", id);
    const checked = checkMessage("send()", message, options);
    assertNoMore("send()", surplus);
    if (!isSessionId(id)) return Promise.resolve(undefined);
    return owned(this.#send(id, checked), this);
  }

  #send(id: string, message: OutgoingMessage, subject?: string): Promise<Sent | undefined> {
    const { calls, outboxes } = this.registry;
    const kept = (resolve: (sent: Sent | undefined) => void, reject: (error: unknown) => void): void =>
      outboxes.send(id, message, undefined, subject, { resolve, reject, missing: () => resolve(undefined) });
    return calls.ask(() => new Promise(kept));
  }

  sendToSubject(
    subject: string,
    message: string | Uint8Array,
    options?: SendOptions,
    surplus?: undefined,
  ): Promise<SentToSubject> {
    assertSubject("sendToSubject()", subject);
    const checked = checkMessage("sendToSubject()", message, options);
    assertNoMore("sendToSubject()", surplus);
    return this.#whole(() => this.#sendToSubject(subject, checked));
  }

  async #sendToSubject(subject: string, message: OutgoingMessage): Promise<SentToSubject> {
    const ids = await this.registry.calls.ask(() => this.registry.store.bySubject(subject, true));
    return countSent(ids.map((id) => this.#send(id, message, subject)));
  }

  presence(id: string, surplus?: undefined): Promise<PresenceReport> {
    assertId("presence()", id);
    assertNoMore("presence()", surplus);
    return owned(this.#presence.ofSession(id), this);
  }

  presenceOfSubject(subject: string, surplus?: undefined): Promise<SubjectPresence> {
    assertSubject("presenceOfSubject()", subject);
    assertNoMore("presenceOfSubject()", surplus);
    return owned(this.#presence.ofSubject(subject), this);
  }

  watch(
    subjects: Iterable<string>,
    listener: (event: PresenceEvent) => unknown,
    options: { readonly signal: AbortSignal },
    surplus?: undefined,
  ): Promise<void> {
    const unique = checkWatch(subjects, listener, options);
    assertNoMore("watch()", surplus);
    return owned(this.#presence.watch(unique, listener, options.signal), this);
  }

  health(surplus?: undefined): Promise<Health> {
    assertNone("health()", surplus);
    return healthOf(this.registry, this.connections, this.#loop);
  }

  close(options: CloseOptions = {}, surplus?: undefined): Promise<void> {
    assertNoMore("close()", surplus);
    const closing = resolveCloseOptions(options);
    // A handler may call `close` again and await it. `binding.close` then stops waiting for that handler (deadlock).
    if (this.#closing !== undefined) for (const binding of this.#bindings) void binding.close(closing);
    this.registry.isClosing = true;
    return (this.#closing ??= owned(this.#close(closing), this));
  }

  async #close(options: Closing): Promise<void> {
    await Promise.all([...this.#bindings].map((binding) => binding.close(options)));
    await this.registry.close();
    this.registry.deadlines.clear();
    this.#loop.close();
  }
}

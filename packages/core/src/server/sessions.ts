import { ServerBinding } from "./binding.ts";
import { resolveCloseOptions } from "../api/resolve-close-options.ts";
import type { Closing } from "../api/resolve-close-options.ts";
import { LiveConnection } from "../connection/connection.ts";
import { Connections } from "../connection/connections.ts";
import type { Connection, Handlers, Session } from "../api/contract.ts";
import type { DestroyReport, PresenceReport, Sessions } from "../api/sessions.ts";
import { assertMethods, assertNoMore, assertNone, assertPlain, assertReason } from "../base/arguments.ts";
import { Deadlines } from "../base/deadlines.ts";
import { newDiagnostics } from "../base/diagnostics.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import { destroyedEnding } from "../base/endings.ts";
import { assertNames, invalidArgument, isUnreadable, SessionError } from "../base/errors.ts";
import { assertId, assertSubject } from "../base/names.ts";
import { owned } from "../base/owned-promise.ts";
import type { SessionsOptions, Settings } from "../api/options.ts";
import { resolveOptions } from "../api/resolve-options.ts";
import type { CloseOptions, Runtime, RuntimeBinding } from "../api/runtime.ts";
import type { Awaitable, StandardSchemaV1 } from "@wsession/protocol";
import { SessionRegistry } from "../session/registry.ts";
import type { SessionsOnConnections } from "../session/table.ts";
import type { StoreDestroyResult } from "../store/contract.ts";
import { isSessionId } from "../handshake/token.ts";

/** With a schema, `Data` is what it lets through: nothing else says what it is, and `initial` is held to it. */
type BySchema<Data extends object, Transport> = NoInfer<SessionsOptions<Data, Transport>> &
  Pick<SessionsOptions<Data, Transport>, "schema" | "transport">;
type WithInitial<Data extends object> = { readonly initial: NonNullable<SessionsOptions<Data>["initial"]> };

/**
 * The compiler reads `() => ({ role: "a", at: [1, 2] })` once, before it knows `Data`, and what it expects there decides
 * whether literals and tuples stay what they are. A schema may ask for them; without one they would make `Data` too
 * narrow, so where `schema` is absent the second member is what is expected. No data matches that one.
 */
type WithBoth<Data extends object> =
  | (NoInfer<WithInitial<Data | (Data & Literals)>> & { readonly schema: StandardSchemaV1<unknown, Data> })
  | (WithInitial<never> & { readonly schema?: undefined });
type Literals = { readonly [name: string]: Literal };
type Literal = "" | 0 | 0n | boolean | Literals | readonly Literal[] | [];

/**
 * Makes the sessions of one application in one process. With `initial` every handler has a session, and
 * `connection.session` is never `undefined`. `Data` is inferred from `schema`, else from `initial`, else given.
 *
 * Throws INVALID_ARGUMENT for options that make no sense, and for names that are no option's.
 */
export function createSessions<Data extends object, Transport = unknown>(
  options: Omit<SessionsOptions<object, Transport>, "initial" | "schema"> & WithBoth<Data>,
): Sessions<Data, Transport, never>;
export function createSessions<Data extends object, Transport = unknown>(
  options: SessionsOptions<Data, Transport> & WithInitial<Data> & { readonly schema?: undefined },
): Sessions<Data, Transport, never>;
export function createSessions<Data extends object, Transport = unknown>(
  options: BySchema<Data, Transport> & NoInfer<WithInitial<Data>>,
): Sessions<Data, Transport, never>;
// All options, and last: the compiler explains a call that fits none of these by the last one.
export function createSessions<Data extends object, Transport = unknown>(
  options?: BySchema<Data, Transport>,
): Sessions<Data, Transport>;
export function createSessions<Data extends object, Transport>(
  options: SessionsOptions<Data, Transport> = {},
  surplus?: undefined,
): Sessions<Data, Transport> {
  assertNoMore("createSessions()", surplus);
  return new LiveSessions<Data, Transport, undefined>(resolveOptions(options));
}

const HANDLERS = ["open", "message", "change", "expiring", "drain", "close"];

const RUNTIME_METHODS = [
  "connectionOf",
  "send",
  "bufferedAmount",
  "awaitDrain",
  "close",
  "terminate",
  "heartbeat",
] satisfies readonly (keyof Runtime<object>)[];

function assertHandlers(handlers: unknown): void {
  if (typeof handlers !== "function") assertPlain("handlers", handlers);
  const prototype: unknown = Object.getPrototypeOf(handlers);
  // An object of a class may have more than its handlers.
  if (prototype === Object.prototype || prototype === null) assertNames("handlers", handlers, HANDLERS);
  for (const name of HANDLERS) {
    const handler: unknown = Reflect.get(handlers, name);
    if (handler !== undefined && typeof handler !== "function")
      throw invalidArgument(`handlers are functions, ${HANDLERS.join(", ")}, in one object`);
  }
}

/** The result, with connections that core ended beside those of the store. */
async function withClosed(
  destroying: Awaitable<StoreDestroyResult>,
  ended: number,
): Promise<StoreDestroyResult> {
  const result = await destroying;
  return { ...result, closed: result.closed + ended };
}

class LiveSessions<Data extends object, Transport, Unset extends undefined> implements Sessions<
  Data,
  Transport,
  Unset
> {
  readonly diagnostics: Diagnostics = newDiagnostics();
  readonly connections: Connections<Data, Transport, Unset> = new Connections();
  readonly deadlines: Deadlines = new Deadlines();
  readonly registry: SessionRegistry<Data, Transport>;
  readonly #bindings: Set<{
    readonly runtime: Pick<Runtime<object>, "connectionOf">;
    readonly opening: { readonly socket: object } | undefined;
    close(options: CloseOptions): Promise<void>;
  }> = new Set();
  #closing: Promise<void> | undefined;

  constructor(settings: Settings<Data, Transport>) {
    const { connections } = this;
    const { resumable } = settings.store.capabilities;
    const onConnections: SessionsOnConnections<Data> = {
      find: (id) => (resumable ? undefined : connections.find(id)?.state),
      *ids() {
        if (resumable) return;
        for (const { state } of connections) if (state !== undefined) yield state.id;
      },
    };
    this.registry = new SessionRegistry(settings, this.diagnostics, this.deadlines, onConnections);
  }

  bind<Socket extends object>(
    runtime: Runtime<Socket>,
    handlers: Handlers<Data, Transport, Unset>,
    surplus?: undefined,
  ): RuntimeBinding<Socket> {
    if (this.registry.isClosing) throw new SessionError("SHUTTING_DOWN", "sessions.close() was called");
    assertMethods("runtime", runtime, "what an adapter hands to bind()", RUNTIME_METHODS);
    assertHandlers(handlers);
    assertNoMore("bind()", surplus);
    const binding = new ServerBinding<Data, Transport, Unset, Socket>(
      this.registry,
      this.connections,
      this.deadlines,
      runtime,
      handlers,
    );
    this.#bindings.add(binding);
    binding.onClosed(() => this.#bindings.delete(binding));
    return binding;
  }

  of(socket: object, surplus?: undefined): Connection<Data, Transport, Unset> | undefined {
    if ((typeof socket !== "object" && typeof socket !== "function") || socket === null)
      throw invalidArgument("of() takes a runtime's own socket, an object");
    assertNoMore("of()", surplus);
    for (const { runtime, opening } of this.#bindings) {
      const connection = opening?.socket === socket ? opening : runtime.connectionOf(socket);
      // A connection of other sessions on the same runtime is none of ours.
      if (connection instanceof LiveConnection && connection.context.prefix === this.connections.prefix)
        return connection;
    }
    return undefined;
  }

  // What is no argument throws at once, from what returns a promise too: nobody may be waiting for the promise. Each promise
  // that the application is given has an owner: one that is not awaited must not end the process (I12).

  unhandled(error: unknown): void {
    this.registry.report(error, { stage: "unhandled" });
  }

  get(id: string, surplus?: undefined): Promise<Session<Data> | undefined> {
    assertId("get()", id);
    assertNoMore("get()", surplus);
    return isSessionId(id) ? owned(this.registry.get(id), this) : Promise.resolve(undefined);
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

  create(data: Data, surplus?: undefined): Promise<{ session: Session<Data>; token: string }> {
    assertNoMore("create()", surplus);
    return owned(this.registry.create(data), this);
  }

  destroy(id: string, reason?: string, surplus?: undefined): Promise<DestroyReport> {
    assertId("destroy()", id);
    assertReason("destroy()'s reason", reason);
    assertNoMore("destroy()", surplus);
    return owned(this.#destroy(id, reason), this);
  }

  async #destroy(id: string, reason: string | undefined): Promise<DestroyReport> {
    if (!isSessionId(id)) return { destroyed: 0, closed: 0, unreachable: [] };
    return this.#report(
      await this.registry.calls.ask(() => this.registry.store.destroy(id, reason, true)),
      [id],
      reason,
    );
  }

  bySubject(subject: string, surplus?: undefined): Promise<Session<Data>[]> {
    assertSubject("bySubject()", subject);
    assertNoMore("bySubject()", surplus);
    return owned(this.#bySubject(subject), this);
  }

  async #bySubject(subject: string): Promise<Session<Data>[]> {
    const ids = await this.registry.calls.ask(() => this.registry.store.bySubject(subject));
    const sessions = await Promise.all(ids.map((id) => this.#readable(id)));
    return sessions.filter((session) => session !== undefined);
  }

  /** One that can't be read is told of, and keeps no other from being listed. */
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
    return owned(this.#destroySubject(subject, reason), this);
  }

  async #destroySubject(subject: string, reason: string | undefined): Promise<DestroyReport> {
    const result = await this.registry.calls.ask(() => {
      // First, because what is decided from here on comes after this destruction.
      const ended = this.registry.pending.endSubject(subject, destroyedEnding(reason));
      return withClosed(this.registry.store.destroySubject(subject, reason), ended);
    });
    return this.#report(result, result.destroyed, reason);
  }

  #report(result: StoreDestroyResult, ids: readonly string[], reason?: string): DestroyReport {
    let { closed } = result;
    for (const id of ids) closed += this.registry.endSession(id, destroyedEnding(reason));
    return { destroyed: result.destroyed.length, closed, unreachable: result.unreachable };
  }

  presence(id: string, surplus?: undefined): Promise<PresenceReport> {
    assertId("presence()", id);
    assertNoMore("presence()", surplus);
    return owned(this.#presence(id), this);
  }

  async #presence(id: string): Promise<PresenceReport> {
    if (!isSessionId(id)) return { connections: 0, nodes: [], missing: [] };
    const { nodes, missing } = await this.registry.calls.ask(() => this.registry.store.presence(id));
    if (this.registry.store.capabilities.shared) {
      return { connections: nodes.reduce((sum, node) => sum + node.connections, 0), nodes, missing };
    }
    const connections = this.registry.connectionCount(id);
    const here = { node: this.connections.prefix, connections };
    return { connections, nodes: connections > 0 ? [here] : [], missing };
  }

  close(options: CloseOptions = {}, surplus?: undefined): Promise<void> {
    assertNoMore("close()", surplus);
    const closing = resolveCloseOptions(options);
    // A handler that asks again waits for what is under way, which must not wait for the handler.
    if (this.#closing !== undefined) for (const binding of this.#bindings) void binding.close(closing);
    this.registry.isClosing = true;
    return (this.#closing ??= owned(this.#close(closing), this));
  }

  async #close(options: Closing): Promise<void> {
    await Promise.all([...this.#bindings].map((binding) => binding.close(options)));
    await this.registry.close();
    this.deadlines.clear();
  }
}

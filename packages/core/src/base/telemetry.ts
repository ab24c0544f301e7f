/**
 * The channels of `node:diagnostics_channel` on which core publishes. This file owns the channels, telemetry-events.ts the
 * payloads. A call site checks `isObserved` or `hasSubscribers` first, so that without a listener nothing is allocated.
 */
import { AsyncResource } from "node:async_hooks";
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Channel } from "node:diagnostics_channel";
import { isTransactionRefused } from "@wsession/protocol";
import { assertFunction, assertNoMore, assertOneOf } from "./arguments.ts";
import { Operation } from "./operation.ts";
import { callDetached } from "./promises.ts";
import type { SessionDestroyTelemetry, TelemetryEvents } from "./telemetry-events.ts";
import { Warnings } from "./warnings.ts";

/** A channel of events without a duration. */
class EventChannel<Name extends keyof TelemetryEvents> {
  readonly #channel: Channel;

  constructor(name: Name) {
    this.#channel = channel(name);
  }

  get hasSubscribers(): boolean {
    return this.#channel.hasSubscribers;
  }

  publish(event: TelemetryEvents[Name]): void {
    this.#channel.publish(event);
  }
}

function ofFailedHandler(error: unknown): "refused" | "failed" {
  return isTransactionRefused(error) ? "refused" : "failed";
}

export const telemetry: {
  readonly handshake: Operation<"wsession:handshake">;
  readonly message: Operation<"wsession:message">;
  readonly write: Operation<"wsession:write">;
  readonly storeCall: Operation<"wsession:store:call">;
  readonly transaction: Operation<"wsession:transaction">;
  readonly outboxSend: Operation<"wsession:outbox:send">;
  readonly connectionOpen: EventChannel<"wsession:connection:open">;
  readonly connectionClose: EventChannel<"wsession:connection:close">;
  readonly sessionResume: EventChannel<"wsession:session:resume">;
  readonly sessionDestroy: EventChannel<"wsession:session:destroy">;
  readonly storeHealth: EventChannel<"wsession:store:health">;
} = {
  handshake: new Operation("wsession:handshake", "accepted", () => "refused"),
  message: new Operation("wsession:message", "handled", ofFailedHandler),
  write: new Operation("wsession:write", "written", () => "failed"),
  storeCall: new Operation("wsession:store:call", "answered", () => "failed"),
  transaction: new Operation("wsession:transaction", "committed", () => "failed"),
  outboxSend: new Operation("wsession:outbox:send", "kept", () => "failed"),
  connectionOpen: new EventChannel("wsession:connection:open"),
  connectionClose: new EventChannel("wsession:connection:close"),
  sessionResume: new EventChannel("wsession:session:resume"),
  sessionDestroy: new EventChannel("wsession:session:destroy"),
  storeHealth: new EventChannel("wsession:store:health"),
};

export function publishDestroyed(ids: Iterable<string>, cause: SessionDestroyTelemetry["cause"]): void {
  if (!telemetry.sessionDestroy.hasSubscribers) return;
  for (const sessionId of ids) telemetry.sessionDestroy.publish({ sessionId, cause });
}

// --- the context from the handshake to the handlers ---

/**
 * The asynchronous context of the handshake, for each connection whose handshake was observed. A WeakMap and not a field, so that
 * other connections cost nothing.
 */
const contexts = new WeakMap<object, AsyncResource>();

/** Keeps the current asynchronous context for `owner`. Called only if the handshake is observed. */
export function keepContext(owner: object): void {
  contexts.set(owner, new AsyncResource("WSESSION_CONNECTION"));
}

/** Keeps the context of `from` for `to` too, if there is one. */
export function moveContext(from: object, to: object): void {
  const context = contexts.get(from);
  if (context !== undefined) contexts.set(to, context);
}

/** Runs `task` in the context that was kept for `owner`; in the current context if none was kept. */
export function inContextOf<Result>(owner: object, task: () => Result): Result {
  const context = contexts.get(owner);
  return context === undefined ? task() : context.runInAsyncScope(task);
}

// --- listeners ---

const NAMES = [
  "wsession:handshake",
  "wsession:connection:open",
  "wsession:connection:close",
  "wsession:session:resume",
  "wsession:session:destroy",
  "wsession:message",
  "wsession:write",
  "wsession:store:call",
  "wsession:store:health",
  "wsession:transaction",
  "wsession:outbox:send",
] satisfies readonly (keyof TelemetryEvents)[];

const warnings = new Warnings("a listener of onTelemetry failed");

/**
 * Calls `listener` with each event of a channel of `node:diagnostics_channel`, of all sessions in this process, at once and on the
 * publisher's stack. Returns a function that ends the calls. If `listener` throws or rejects, the process emits a warning of the type
 * `WsessionWarning`, at a bounded rate. A listener that is subscribed by `diagnostics_channel.subscribe` has no such guard: if it throws,
 * Node emits `uncaughtException`.
 *
 * @throws INVALID_ARGUMENT for an unknown name, and for a listener that is not a function.
 * @example
 * const stop = onTelemetry("wsession:store:health", ({ ok, code }) => log.info({ ok, code }));
 */
export function onTelemetry<Name extends keyof TelemetryEvents>(
  name: Name,
  listener: (event: TelemetryEvents[Name]) => void,
  surplus?: undefined,
): () => void {
  assertOneOf("onTelemetry()'s name", name, NAMES);
  assertFunction("onTelemetry()'s listener", listener);
  assertNoMore("onTelemetry()", surplus);
  const failed = (error: unknown) => warnings.warn(name, error);
  const call = (event: unknown): void => {
    if (isEventOf(name, event)) void callDetached(() => listener(event), failed);
  };
  subscribe(name, call);
  return () => void unsubscribe(name, call);
}

/** Other code of the process may publish anything on a channel of this name. */
function isEventOf<Name extends keyof TelemetryEvents>(
  _name: Name,
  event: unknown,
): event is TelemetryEvents[Name] {
  return typeof event === "object" && event !== null;
}

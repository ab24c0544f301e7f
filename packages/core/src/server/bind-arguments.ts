/**
 * The checks of the arguments of `bind()`, which throw at once. The error is INVALID_ARGUMENT, or NOT_SUPPORTED for a runtime
 * that can't do what an option asks for.
 */
import type { Runtime } from "../api/runtime.ts";
import { assertMethods, isPlain, shown } from "../base/arguments.ts";
import { assertNames, invalidArgument, SessionError } from "../base/errors.ts";

const HANDLERS = ["open", "resumed", "message", "transaction", "change", "expiring", "drain", "close"];

const RUNTIME_METHODS = [
  "connectionOf",
  "send",
  "bufferedAmount",
  "awaitDrain",
  "close",
  "terminate",
  "heartbeat",
] satisfies readonly (keyof Runtime<object>)[];

export function assertHandlers(handlers: unknown): void {
  if (!mayHaveHandlers(handlers)) throw wrongHandlers(`, not ${shown(handlers)}`);
  const prototype: unknown = Object.getPrototypeOf(handlers);
  // An instance of a class may have other members than handlers.
  if (prototype === Object.prototype || prototype === null)
    assertNames("handlers", handlers, HANDLERS, "handler");
  for (const name of HANDLERS) {
    const handler: unknown = Reflect.get(handlers, name);
    if (handler !== undefined && typeof handler !== "function") throw wrongHandlers("");
  }
}

function mayHaveHandlers(value: unknown): value is object {
  return typeof value === "function" || (typeof value === "object" && value !== null && isPlain(value));
}

function wrongHandlers(given: string): SessionError {
  return invalidArgument(`handlers must be an object with functions among ${HANDLERS.join(", ")}${given}`);
}

/** The error for a message that no handler takes. */
export function unhandledMessageError({ transaction }: { readonly transaction?: unknown }): SessionError {
  return invalidArgument(
    transaction === undefined
      ? "a client sent a message, but bindSessions got neither the handler message nor transaction. client.send() rejects, and other " +
          "messages are lost; pass message() {} to ignore them"
      : "a client sent a message without client.send(). The handler transaction does not get such a message, so give bindSessions " +
          "the handler message too; pass message() {} to ignore them",
  );
}

export function assertRuntime(runtime: unknown): void {
  assertMethods("runtime", runtime, "the runtime of an adapter", RUNTIME_METHODS);
}

/** Throws for an adapter that would end a silent peer too early, because it does not count silent heartbeats. */
export function assertCountsSilence({ countsSilence }: Runtime<never>, silentHeartbeats: number): void {
  if (silentHeartbeats === 1 || countsSilence === true) return;
  throw new SessionError(
    "NOT_SUPPORTED",
    "heartbeatTimeoutMs: the adapter ends a peer at the first silent heartbeat, and does not count several",
  );
}

import {
  assertBoolean,
  assertFunction,
  assertMethods,
  assertNoMore,
  assertOneOf,
  assertOptions,
  invalidArgument,
  shown,
} from "@wsession/core/runtime";
import type { BindOptions } from "./bind-options.ts";

/** The runtime's maximum, in seconds; the minimum is 8. */
export const MAX_IDLE_TIMEOUT = 960;
const MIN_IDLE_TIMEOUT = 8;
const MAX_LIFETIME_MINUTES = 240;
const MAX_INTEGER = 2 ** 32 - 1;

const OPTIONS = [
  "behavior",
  "handleProtocols",
  "found",
  "binary",
  "encrypted",
] satisfies (keyof BindOptions)[];
const BEHAVIOR = [
  "maxPayloadLength",
  "maxLifetime",
  "idleTimeout",
  "compression",
  "maxBackpressure",
  "closeOnBackpressureLimit",
] satisfies (keyof NonNullable<BindOptions["behavior"]>)[];

/**
 * Checks the arguments before anything is bound, because the runtime itself treats a string as 0, and ends
 * the process for a time out of range.
 *
 * @throws INVALID_ARGUMENT for a wrong argument.
 */
export function checkArguments(app: unknown, pattern: unknown, sessions: unknown, surplus: unknown): void {
  assertMethods("bindSessions: app", app, "an app of uWebSockets.js", ["ws"]);
  if (typeof pattern !== "string" || pattern === "")
    throw invalidArgument("bindSessions: the pattern must be a route of uWebSockets.js, such as /*");
  assertMethods("bindSessions: sessions", sessions, "what createSessions returned", [
    "bind",
    "destroySubject",
  ]);
  assertNoMore("bindSessions", surplus);
}

export function checkOptions(options: BindOptions): void {
  assertOptions("bindSessions", options, OPTIONS);
  const { behavior, handleProtocols, found, binary, encrypted } = options;
  if (handleProtocols !== undefined) assertFunction("handleProtocols", handleProtocols);
  if (found !== undefined) assertFunction("found", found);
  if (binary !== undefined) assertOneOf("binary", binary, ["copied", "borrowed"]);
  if (encrypted !== undefined) assertBoolean("encrypted", encrypted);
  if (behavior !== undefined) checkBehavior(behavior);
}

function checkBehavior(behavior: NonNullable<BindOptions["behavior"]>): void {
  assertOptions("behavior", behavior, BEHAVIOR);
  const { closeOnBackpressureLimit, idleTimeout, maxLifetime } = behavior;
  for (const name of [
    "maxPayloadLength",
    "maxLifetime",
    "idleTimeout",
    "compression",
    "maxBackpressure",
  ] as const)
    checkInteger(name, behavior[name]);
  if (closeOnBackpressureLimit !== undefined)
    assertBoolean("behavior.closeOnBackpressureLimit", closeOnBackpressureLimit);
  const isTime = idleTimeout === undefined || idleTimeout === 0;
  if (!isTime && (idleTimeout < MIN_IDLE_TIMEOUT || idleTimeout > MAX_IDLE_TIMEOUT))
    throw invalidArgument(
      `behavior.idleTimeout must be 0, or ${MIN_IDLE_TIMEOUT} to ${MAX_IDLE_TIMEOUT} seconds`,
    );
  if (maxLifetime !== undefined && maxLifetime > MAX_LIFETIME_MINUTES)
    throw invalidArgument(`behavior.maxLifetime must be at most ${MAX_LIFETIME_MINUTES} minutes`);
}

function checkInteger(name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_INTEGER) return;
  throw invalidArgument(`behavior.${name} must be a whole number from 0, not ${shown(value)}`);
}

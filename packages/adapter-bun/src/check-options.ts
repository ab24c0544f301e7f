import {
  assertBoolean,
  assertFunction,
  assertMethods,
  assertNoMore,
  assertOptions,
  invalidArgument,
  shown,
} from "@wsession/core/runtime";
import type { BindOptions } from "./bind-options.ts";

/** The runtime's maximum, in seconds. It raises 1 to 7 seconds to 8. */
export const MAX_IDLE_TIMEOUT = 960;
const MIN_IDLE_TIMEOUT = 8;
const MAX_INTEGER = 2 ** 32 - 1;

const OPTIONS = ["websocket", "handleProtocols", "found", "encrypted"] satisfies (keyof BindOptions)[];
const SETTINGS = [
  "maxPayloadLength",
  "backpressureLimit",
  "closeOnBackpressureLimit",
  "idleTimeout",
  "publishToSelf",
  "perMessageDeflate",
] satisfies (keyof NonNullable<BindOptions["websocket"]>)[];

/**
 * Checks the arguments before anything is bound.
 *
 * @throws INVALID_ARGUMENT for a wrong argument.
 */
export function checkArguments(sessions: unknown, surplus: unknown): void {
  assertMethods("bindSessions: sessions", sessions, "what createSessions returned", [
    "bind",
    "destroySubject",
  ]);
  assertNoMore("bindSessions", surplus);
}

export function checkOptions(options: BindOptions): void {
  assertOptions("bindSessions", options, OPTIONS);
  const { websocket, handleProtocols, found, encrypted } = options;
  if (handleProtocols !== undefined) assertFunction("handleProtocols", handleProtocols);
  if (found !== undefined) assertFunction("found", found);
  if (encrypted !== undefined) assertBoolean("encrypted", encrypted);
  if (websocket !== undefined) checkSettings(websocket);
}

function checkSettings(settings: NonNullable<BindOptions["websocket"]>): void {
  assertOptions("websocket", settings, SETTINGS);
  const { closeOnBackpressureLimit, publishToSelf, idleTimeout, perMessageDeflate } = settings;
  for (const name of ["maxPayloadLength", "backpressureLimit", "idleTimeout"] as const)
    checkInteger(name, settings[name]);
  if (closeOnBackpressureLimit !== undefined)
    assertBoolean("websocket.closeOnBackpressureLimit", closeOnBackpressureLimit);
  if (publishToSelf !== undefined) assertBoolean("websocket.publishToSelf", publishToSelf);
  const isTime = idleTimeout === undefined || idleTimeout === 0;
  if (!isTime && (idleTimeout < MIN_IDLE_TIMEOUT || idleTimeout > MAX_IDLE_TIMEOUT))
    throw invalidArgument(
      `websocket.idleTimeout must be 0, or ${MIN_IDLE_TIMEOUT} to ${MAX_IDLE_TIMEOUT} seconds`,
    );
  if (perMessageDeflate === undefined || typeof perMessageDeflate === "boolean") return;
  assertOptions("websocket.perMessageDeflate", perMessageDeflate, ["compress", "decompress"]);
}

function checkInteger(name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_INTEGER) return;
  throw invalidArgument(`websocket.${name} must be a whole number from 0, not ${shown(value)}`);
}

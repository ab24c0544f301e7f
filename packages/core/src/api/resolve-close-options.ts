import { assertBoolean, assertOptions, shown } from "../base/arguments.ts";
import { assertClose, CloseCode } from "../base/close-codes.ts";
import { invalidArgument } from "../base/errors.ts";
import type { CloseOptions } from "./runtime.ts";

/** The options of a shutdown, with their defaults. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
  readonly drainMs: number;
  readonly handover: boolean;
}

/** The default of `drainMs` with `handover`: time for a proxy to find another process, and for a client's second attempt. */
const HANDOVER_MS = 10_000;

/**
 * Fills in the defaults of a shutdown. Throws INVALID_ARGUMENT for an invalid value. Called before the shutdown begins, because
 * otherwise a mistake would leave the server half closed.
 */
export function resolveCloseOptions(options: CloseOptions): Closing {
  assertOptions("close()", options, ["code", "reason", "drainMs", "handover"]);
  const { code = CloseCode.Restarting, reason = "server restarting", handover = false } = options;
  assertClose(code, reason);
  assertBoolean("handover", handover);
  const { drainMs = handover ? HANDOVER_MS : 0 } = options;
  if (typeof drainMs !== "number" || !Number.isFinite(drainMs) || drainMs < 0)
    throw invalidArgument(`drainMs must be 0 or more milliseconds, not ${shown(drainMs)}`);
  return { code, reason, drainMs, handover };
}

import { assertOptions, shown } from "../base/arguments.ts";
import { assertClose, CloseCode } from "../base/close-codes.ts";
import { invalidArgument } from "../base/errors.ts";
import type { CloseOptions } from "./runtime.ts";

/** The options of a shutdown, with their defaults. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
  readonly drainMs: number;
}

/**
 * Fills in the defaults of a shutdown. Throws INVALID_ARGUMENT for an invalid value. Called before the shutdown begins, because
 * otherwise a mistake would leave the server half closed.
 */
export function resolveCloseOptions(options: CloseOptions): Closing {
  assertOptions("close()", options, ["code", "reason", "drainMs"]);
  const { code = CloseCode.Restarting, reason = "server restarting", drainMs = 0 } = options;
  assertClose(code, reason);
  if (typeof drainMs !== "number" || !Number.isFinite(drainMs) || drainMs < 0)
    throw invalidArgument(`drainMs must be 0 or more milliseconds, not ${shown(drainMs)}`);
  return { code, reason, drainMs };
}

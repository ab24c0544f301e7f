import { assertDuration, shown } from "../base/arguments.ts";
import { invalidArgument } from "../base/errors.ts";
import type { CommonOptions } from "./options.ts";
import type { Settings } from "./settings.ts";

type Given = Pick<CommonOptions, "heartbeatMs" | "heartbeatTimeoutMs">;

/** The time between two heartbeats, and the number of silent heartbeats in a row after which a connection is ended. */
export function resolveHeartbeat({
  heartbeatMs = 30_000,
  heartbeatTimeoutMs,
}: Given): Pick<Settings<object>, "heartbeatMs" | "silentHeartbeats"> {
  if (heartbeatMs !== 0) assertDuration("heartbeatMs", heartbeatMs);
  if (heartbeatTimeoutMs === undefined) return { heartbeatMs, silentHeartbeats: 1 };
  assertDuration("heartbeatTimeoutMs", heartbeatTimeoutMs);
  if (heartbeatMs === 0)
    throw invalidArgument("heartbeatTimeoutMs requires heartbeats, and heartbeatMs 0 means none");
  if (heartbeatTimeoutMs < heartbeatMs)
    throw invalidArgument(
      `heartbeatTimeoutMs must be at least heartbeatMs (${heartbeatMs}), not ${shown(heartbeatTimeoutMs)}`,
    );
  // With `heartbeatMs: Infinity` there is no heartbeat that could count, and the quotient is not a number.
  const silentHeartbeats = heartbeatMs === Infinity ? 1 : Math.ceil(heartbeatTimeoutMs / heartbeatMs);
  return { heartbeatMs, silentHeartbeats };
}

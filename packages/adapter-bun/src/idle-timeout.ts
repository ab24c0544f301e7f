/** The runtime's own timeout for sockets on which nothing is received and nothing can be written. */
import type { RuntimeBinding } from "@wsession/core/runtime";
import type { BunSocket, BunWebSocketSettings } from "./bun.ts";
import { MAX_IDLE_TIMEOUT } from "./check-options.ts";

/**
 * The idle timeout, in seconds. A live peer sends something within two heartbeats, or within three if one was skipped. Each
 * further silent heartbeat that `heartbeatTimeoutMs` allows adds one. Twice the clock's resolution of 4 seconds is added. So the
 * heartbeat ends a silent peer before this timeout does.
 */
function idleTimeoutOf(heartbeatMs: number, silentHeartbeats: number): number {
  return Math.ceil(((silentHeartbeats + 2) * heartbeatMs) / 1_000) + 8;
}

/**
 * The runtime's settings. After `close()` the adapter can no longer use the socket, so while a
 * backlog is waiting only the runtime's timeout ends it.
 */
export function idleSettings(
  { heartbeatMs, silentHeartbeats }: Pick<RuntimeBinding<BunSocket>, "heartbeatMs" | "silentHeartbeats">,
  own: number | undefined,
): Required<Pick<BunWebSocketSettings, "idleTimeout" | "sendPings">> {
  if (own !== undefined) return { idleTimeout: own, sendPings: false };
  const idleTimeout = idleTimeoutOf(heartbeatMs, silentHeartbeats);
  // Without heartbeats within the timeout, the runtime's own pings keep a live but silent peer connected.
  if (heartbeatMs === 0 || idleTimeout > MAX_IDLE_TIMEOUT)
    return { idleTimeout: MAX_IDLE_TIMEOUT, sendPings: true };
  return { idleTimeout, sendPings: false };
}

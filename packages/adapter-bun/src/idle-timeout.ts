/** The runtime's own timeout for sockets on which nothing is received and nothing can be written. */
import type { RuntimeBinding } from "@wsession/core/runtime";
import type { BunSocket, BunWebSocketSettings } from "./bun.ts";
import { MAX_IDLE_TIMEOUT } from "./check-options.ts";

/**
 * The idle timeout, in seconds. A live peer sends something within two heartbeats, or within three if one was skipped. Each
 * further silent heartbeat that `heartbeatTimeoutMs` allows adds one. Twice the clock's resolution of 4 seconds is added. So this
 * timeout is longer than the silence after which the heartbeat ends a peer.
 */
function idleTimeoutOf(heartbeatMs: number, silentHeartbeats: number): number {
  return Math.ceil(((silentHeartbeats + 2) * heartbeatMs) / 1_000) + 8;
}

/**
 * The idle settings of the runtime. The adapter can't use a socket after `close()`, so only the runtime's timeout ends a closed
 * socket whose backlog is never read.
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

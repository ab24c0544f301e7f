/**
 * The runtime's own timeout for silent sockets, and whether this timeout ends silent peers in place of the adapter. On Bun the adapter
 * always ends silent peers, because there each write restarts the timeout.
 */
import type { RuntimeBinding } from "@wsession/core/runtime";
import type { WebSocketBehavior } from "uWebSockets.js";
import { MAX_IDLE_TIMEOUT } from "./check-options.ts";
import type { Socket, UserData } from "./socket.ts";

/**
 * Milliseconds. With heartbeats of at least this length, the runtime's own timeout ends silent peers. The runtime's clock has a
 * resolution of 4 seconds, so with shorter heartbeats the timeout would be too inexact.
 */
const MIN_HEARTBEAT_OF_RUNTIME_MS = 8_000;

/**
 * The idle timeout, in seconds. A live peer sends something within two heartbeats, or within three if one was skipped. Each
 * further silent heartbeat that `heartbeatTimeoutMs` allows adds one. Twice the clock's resolution of 4 seconds is added. Every
 * received byte restarts the timeout, so a slow long message does not end its connection.
 */
function idleTimeoutOf(heartbeatMs: number, silentHeartbeats: number): number {
  return Math.ceil(((silentHeartbeats + 2) * heartbeatMs) / 1_000) + 8;
}

/** Whether the runtime's own timeout ends silent peers. */
export function endsSilent(heartbeatMs: number, silentHeartbeats: number): boolean {
  return (
    heartbeatMs >= MIN_HEARTBEAT_OF_RUNTIME_MS &&
    idleTimeoutOf(heartbeatMs, silentHeartbeats) <= MAX_IDLE_TIMEOUT
  );
}

/**
 * The runtime's settings for silent peers. After `end()` the adapter can no longer use the socket, so while a
 * backlog is waiting only the runtime's timeout ends it.
 */
export function idleSettings(
  { heartbeatMs, silentHeartbeats }: Pick<RuntimeBinding<Socket>, "heartbeatMs" | "silentHeartbeats">,
  own: number | undefined,
): Pick<WebSocketBehavior<UserData>, "idleTimeout" | "sendPingsAutomatically"> {
  if (own !== undefined) return { idleTimeout: own, sendPingsAutomatically: false };
  const idleTimeout = idleTimeoutOf(heartbeatMs, silentHeartbeats);
  // Without heartbeats within the timeout, the runtime's own pings keep a live but silent peer connected.
  if (heartbeatMs === 0 || idleTimeout > MAX_IDLE_TIMEOUT)
    return { idleTimeout: MAX_IDLE_TIMEOUT, sendPingsAutomatically: true };
  return { idleTimeout, sendPingsAutomatically: false };
}

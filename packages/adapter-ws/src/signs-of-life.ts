/** The signs of life of a peer: it sends something, or it reads some of the waiting data. */
import type { WebSocket } from "ws";
import { BYTES_READ, COUNTED, ENDED_BY, PONGED, PONGS_TAKEN, PROGRESS, SILENT, TCP } from "./bound-socket.ts";
import { bound, CLOSING, ignoreError, OPEN } from "./bound-socket.ts";
import { WriteProgress } from "./progress.ts";

/**
 * Core checks every 2 s whether the peer reads the data that waits before the close frame. This interval is shorter, so that an
 * interval without progress has ended by then.
 */
const CLOSING_INTERVAL_MS = 1_900;
/** The same for heartbeats, as a part of the time between two of them. */
const HEARTBEAT_INTERVAL = 0.95;
/** Limits closing to 10 s for a peer that sends (possibly unsolicited) pongs but no close frame. */
const MAX_PONGS_TAKEN = 4;

/**
 * Whether the peer read something of the waiting data, in this process or in the buffers of the operating
 * systems.
 */
export function isTaking(socket: WebSocket): boolean {
  const own = bound(socket);
  if (hasProgress(socket, CLOSING_INTERVAL_MS)) return true;
  const taken = own[PONGS_TAKEN] ?? 0;
  const isReading = own[PONGED] === true && taken < MAX_PONGS_TAKEN;
  own[PONGED] = false;
  if (isReading) own[PONGS_TAKEN] = taken + 1;
  return isReading;
}

/**
 * Whether the peer has read some of the waiting data since the last call. The first call starts an interval of `ms` milliseconds, and
 * returns true if data waits.
 */
function hasProgress(socket: WebSocket, ms: number): boolean {
  const own = bound(socket);
  const tcp = own[TCP];
  const progress = own[PROGRESS];
  if (progress !== undefined && !progress.isDone) return progress.take();
  progress?.stop();
  own[PROGRESS] = tcp === undefined ? undefined : WriteProgress.watch(tcp, ms);
  return own[PROGRESS] !== undefined;
}

/** Begins to watch what the peer reads before the close frame. */
export function watchClosing(socket: WebSocket): void {
  hasProgress(socket, CLOSING_INTERVAL_MS);
}

/**
 * Pings the peer. Terminates the socket after `silentHeartbeats` heartbeats in a row without a sign of life of the peer. Any received
 * byte is a sign: part of a pong, or of a long message that a pong can't overtake (RFC 6455 section 5.4). Progress of waiting data is
 * a sign too. A paused socket is not checked. A peer that has closed its side but does not read the waiting data is checked, because
 * otherwise its socket would stay for ever.
 */
export function heartbeat(socket: WebSocket, heartbeatMs = 30_000, silentHeartbeats = 1): void {
  if (socket.readyState !== OPEN && socket.readyState !== CLOSING) return;
  const own = bound(socket);
  const read = own[COUNTED] ?? own[TCP]?.bytesRead;
  const isSilent = read !== undefined && own[BYTES_READ] === read && !socket.isPaused;
  // Called in any case, because the result covers the time since the last call.
  const hasTaken = hasProgress(socket, heartbeatMs * HEARTBEAT_INTERVAL);
  if (isSilent && !hasTaken) {
    const silent = (own[SILENT] ?? 0) + 1;
    if (silent >= silentHeartbeats) {
      own[ENDED_BY] = "heartbeat";
      return socket.terminate();
    }
    own[SILENT] = silent;
  } else if (silentHeartbeats > 1) own[SILENT] = 0;
  own[BYTES_READ] = read;
  if (socket.readyState === OPEN) socket.ping(undefined, undefined, ignoreError);
}

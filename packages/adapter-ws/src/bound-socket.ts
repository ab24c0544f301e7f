import type { Socket } from "node:net";
import type { CloseInfo } from "@wsession/core";
import type { RuntimeConnection } from "@wsession/core/runtime";
import type { WebSocket } from "ws";
import type { CompressedSends } from "./compressed.ts";
import type { WriteProgress } from "./progress.ts";

export const CONNECTION: unique symbol = Symbol("wsession.connection");
export const TCP: unique symbol = Symbol("wsession.tcp");
export const BYTES_READ: unique symbol = Symbol("wsession.bytesRead");
export const SILENT: unique symbol = Symbol("wsession.silent");
export const COUNTED: unique symbol = Symbol("wsession.counted");
export const PROGRESS: unique symbol = Symbol("wsession.progress");
export const PONGED: unique symbol = Symbol("wsession.ponged");
export const COMPRESSED: unique symbol = Symbol("wsession.compressed");
export const ENDED_BY: unique symbol = Symbol("wsession.endedBy");
export const PONGS_TAKEN: unique symbol = Symbol("wsession.pongsTaken");

/**
 * A ws socket with the adapter's own properties. They are symbols, so that they cannot clash with the
 * application's.
 */
export interface BoundSocket extends WebSocket {
  [CONNECTION]?: RuntimeConnection;
  [TCP]?: Socket;
  /** Bytes read at the last heartbeat; `undefined` before the first one and after a pause. */
  [BYTES_READ]?: number | undefined;
  /** How many heartbeats in a row were silent; only counted with `heartbeatTimeoutMs`. */
  [SILENT]?: number;
  /** The amount that was read from a stream that does not count its bytes: bytes, or frames. */
  [COUNTED]?: number;
  /** Set while data is waiting that was written before the last heartbeat or before a close frame. */
  [PROGRESS]?: WriteProgress | undefined;
  /** After our close frame: whether a pong arrived since the last check. */
  [PONGED]?: boolean;
  /** After our close frame: how many pongs counted as progress. */
  [PONGS_TAKEN]?: number;
  /** Set if this adapter or ws ends the socket, and not core. */
  [ENDED_BY]?: CloseInfo["by"];
  /** Set if compression was negotiated. */
  [COMPRESSED]?: CompressedSends;
}

/**
 * The states of a WebSocket. They are not imported from ws, because the application may have loaded another
 * copy.
 */
export const OPEN = 1;
export const CLOSING = 2;
export const CLOSED = 3;

export function bound(socket: WebSocket): BoundSocket {
  return socket;
}

/** A failed write also emits `close`, which core handles. */
export function ignoreError(): void {}

import type { Socket } from "node:net";
import { CloseCode } from "@wsession/core";
import { invalidArgument } from "@wsession/core/runtime";
import type { Runtime, RuntimeConnection, SendOutcome } from "@wsession/core/runtime";
import type { RawData, WebSocket } from "ws";
import {
  bound,
  BYTES_READ,
  CLOSED,
  COMPRESSED,
  CONNECTION,
  COUNTED,
  ENDED_BY,
  ignoreError,
  OPEN,
  PONGED,
  TCP,
} from "./bound-socket.ts";
import type { BoundSocket } from "./bound-socket.ts";
import { CompressedSends } from "./compressed.ts";
import { heartbeat, isTaking, watchClosing } from "./signs-of-life.ts";
import { silence } from "./silence.ts";

const EMPTY = Buffer.alloc(0);
/**
 * The polling interval for messages that the application passed to ws directly and that are being compressed.
 */
const FOREIGN_MESSAGE_MS = 20;

export const wsRuntime: Runtime<WebSocket> = {
  name: "ws",
  connectionOf: (socket: Pick<BoundSocket, typeof CONNECTION>) => socket[CONNECTION],
  send(socket: BoundSocket, data) {
    if (socket.readyState !== OPEN) return "closed";
    const compressed = socket[COMPRESSED];
    // Without compression no callback is passed, because it would cost a tick per message, and errors appear
    // in `close` anyway.
    if (compressed === undefined) socket.send(data);
    else socket.send(data, compressed.begin().onSent);
    return socket.bufferedAmount === 0 ? "sent" : "queued";
  },
  sendAll(socket: BoundSocket, messages) {
    if (socket.readyState !== OPEN) return "closed";
    const tcp = socket[TCP];
    // Without the cork ws would send each message in a system call of its own.
    tcp?.cork();
    for (const message of messages) wsRuntime.send(socket, message);
    tcp?.uncork();
    return socket.bufferedAmount === 0 ? "sent" : "queued";
  },
  sendUncompressed(socket, data) {
    if (socket.readyState !== OPEN) return "closed";
    socket.send(data, { compress: false });
    return socket.bufferedAmount === 0 ? "sent" : "queued";
  },
  speaksSubprotocol: true,
  bufferedAmount: (socket) => (socket.readyState === CLOSED ? 0 : socket.bufferedAmount),
  awaitDrain,
  sendLong,
  ping: (socket, data) => socket.ping(data, undefined, ignoreError),
  pong: (socket, data) => socket.pong(data, undefined, ignoreError),
  watchPings: (socket) => void socket.on("ping", onPing).on("pong", onPong),
  close(socket, code, reason) {
    silence(socket, discard);
    startClosing(socket, code, reason);
    watchClosing(socket);
  },
  terminate(socket) {
    silence(socket, discard);
    socket.terminate();
  },
  heartbeat,
  countsSilence: true,
  isTaking,
  pause: (socket) => socket.pause(),
  resume(socket) {
    // Data that arrived during the pause is read after this, so the next heartbeat must not conclude that the
    // peer was silent.
    bound(socket)[BYTES_READ] = undefined;
    socket.resume();
  },
};

/** Attaches a connection to a socket, in the tick in which ws emits it. All sockets share the listeners. */
export function attach(
  socket: WebSocket,
  tcp: Socket,
  connect: () => RuntimeConnection,
  onError: (this: WebSocket, error: Error) => void,
): void {
  const own = bound(socket);
  own[TCP] = tcp;
  if (socket.extensions !== "") own[COMPRESSED] = new CompressedSends();
  countReads(own, tcp);
  socket.on("message", onMessage);
  socket.on("close", onClose);
  socket.on("error", onError);
  own[CONNECTION] = connect();
}

/** ws itself ends the socket: it sends a close frame with the code of the error, but emits `close` with 1006. */
export function endedByServer(socket: WebSocket): void {
  bound(socket)[ENDED_BY] ??= "server";
}

/**
 * Counts the bytes that a stream reads if the stream does not count them itself. `handleUpgrade` accepts any Duplex, and only
 * sockets have `bytesRead`. The socket of Bun's own ws always has 0, although the request came over it, and emits no `data`. For
 * that socket each frame of the peer counts.
 */
function countReads(own: BoundSocket, tcp: Socket): void {
  const counted: number | undefined = tcp.bytesRead;
  if (counted !== undefined && counted > 0) return;
  own[COUNTED] = 0;
  tcp.on("data", ({ length }: Buffer) => countRead(own, length));
  own.on("ping", onFrame).on("pong", onFrame).on("message", onFrame);
}

function countRead(own: BoundSocket, count: number): void {
  own[COUNTED] = (own[COUNTED] ?? 0) + count;
}

function onFrame(this: BoundSocket): void {
  countRead(this, 1);
}

function onMessage(this: BoundSocket, data: RawData, isBinary: boolean): void {
  if (isBinary && isBlob(data)) refuseBlob(this);
  else this[CONNECTION]?.receive(isBinary ? bytesOf(data) : textOf(data));
}

function onPing(this: BoundSocket, data: Buffer): void {
  this[CONNECTION]?.controlFrame?.("ping", data);
}

function onPong(this: BoundSocket, data: Buffer): void {
  this[CONNECTION]?.controlFrame?.("pong", data);
}

function onClose(this: BoundSocket, code: number, reason: Buffer): void {
  this[CONNECTION]?.ended(code, reason.toString(), this[ENDED_BY]);
}

/** `binaryType` "blob" produces Blobs, which the types of ws omit. */
function isBlob(data: object): boolean {
  return data instanceof Blob;
}

/**
 * A Blob can only be read asynchronously, so it would arrive after later messages. Neither the Blob nor a later message is
 * delivered (I2, I3).
 */
function refuseBlob(socket: BoundSocket): void {
  socket.off("message", onMessage);
  socket.emit(
    "error",
    invalidArgument('binaryType must not be "blob", because a Blob can\'t be read in order'),
  );
  silence(socket, ignoreEvent);
  socket[ENDED_BY] = "server";
  startClosing(socket, CloseCode.HandlerFailed, "message unreadable");
}

/** ws delivers Buffers, unless the application changed `binaryType`. */
function textOf(data: RawData): string {
  return Buffer.isBuffer(data) ? data.toString() : bytesOf(data).toString();
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

/**
 * Writes an empty chunk to the TCP socket. Its callback runs when all earlier data was written, even below
 * the high-water mark.
 */
function awaitDrain(socket: WebSocket): void {
  const own = bound(socket);
  const tcp = own[TCP];
  if (tcp === undefined || tcp.destroyed) return;
  const check = () => {
    if (socket.readyState === CLOSED) return;
    // Read the connection now, because it did not exist yet when this was called inside `open`.
    if (socket.bufferedAmount === 0) own[CONNECTION]?.drained();
    else awaitDrain(socket);
  };
  // Both sides of the socket have ended: a write would destroy it together with the waiting data.
  if (tcp.writableEnded && !tcp.writableFinished) tcp.once("finish", check);
  else if (tcp.writableLength > 0) tcp.write(EMPTY, check);
  // Nothing waits in the socket, so a message is being compressed on a thread and reaches the socket by
  // itself. A message that the application passed to ws directly has no callback of ours, so poll.
  else if (own[COMPRESSED]?.wait(check) !== true) setTimeout(check, FOREIGN_MESSAGE_MS).unref();
}

/** A pong answers a ping from before the close frame, so the peer is still reading what was sent. */
function discard(socket: WebSocket, event: string | symbol): void {
  if (event === "pong") bound(socket)[PONGED] = true;
}

function ignoreEvent(): void {}

function startClosing(socket: WebSocket, code: number, reason: string): void {
  // A paused socket would receive neither the answer to the close frame nor the end of the stream (I3).
  if (socket.isPaused) socket.resume();
  socket.close(code, reason);
}

/**
 * Sends a message in fragments, each followed by a ping, which the peer answers when it has read that far
 * (RFC 6455 section 5.4).
 */
function sendLong(socket: WebSocket, data: string | Uint8Array, fragmentBytes: number): SendOutcome {
  if (socket.readyState !== OPEN) return "closed";
  const own = bound(socket);
  const tcp = own[TCP];
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  const binary = typeof data !== "string";
  // Corked, so that all fragments share one system call.
  tcp?.cork();
  for (let start = 0; start < bytes.length; start += fragmentBytes) {
    const end = start + fragmentBytes;
    socket.send(
      bytes.subarray(start, end),
      { binary, fin: end >= bytes.length },
      own[COMPRESSED]?.begin().onSent,
    );
    socket.ping(undefined, undefined, ignoreError);
  }
  tcp?.uncork();
  return socket.bufferedAmount === 0 ? "sent" : "queued";
}

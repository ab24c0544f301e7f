import type { Socket } from "node:net";
import { SessionError } from "@wsession/core";
import type { Runtime, RuntimeConnection } from "@wsession/core/runtime";
import type { RawData, WebSocket } from "ws";

/** States of a WebSocket. Nothing is imported of ws, which the application may have another copy of. */
const OPEN = 1;
const CLOSED = 3;

const CONNECTION = Symbol("wsession.connection");
const TCP = Symbol("wsession.tcp");
const BYTES_READ = Symbol("wsession.bytesRead");
const COUNTED = Symbol("wsession.counted");

/** A ws socket with what the adapter keeps on it: symbols, so that nothing of the user's is in the way. */
interface BoundSocket extends WebSocket {
  [CONNECTION]?: RuntimeConnection;
  [TCP]?: Socket;
  /** At the last heartbeat; `undefined` before the first, and after a pause. */
  [BYTES_READ]?: number | undefined;
  /** What came of a stream that does not count it. */
  [COUNTED]?: number;
}

const EMPTY = Buffer.alloc(0);

export const wsRuntime: Runtime<WebSocket> = {
  name: "ws",
  connectionOf: (socket: Pick<BoundSocket, typeof CONNECTION>) => socket[CONNECTION],
  send(socket, data) {
    if (socket.readyState !== OPEN) return "closed";
    // Without a callback: it would cost a tick for each message, to learn what `close` tells.
    socket.send(data);
    return socket.bufferedAmount === 0 ? "sent" : "queued";
  },
  bufferedAmount: (socket) => (socket.readyState === CLOSED ? 0 : socket.bufferedAmount),
  awaitDrain,
  close(socket, code, reason) {
    // A paused socket sees neither the answer to a close frame nor the end (I3).
    if (socket.isPaused) socket.resume();
    socket.close(code, reason);
  },
  terminate: (socket) => socket.terminate(),
  heartbeat,
  pause: (socket) => socket.pause(),
  resume(socket) {
    // What the peer has sent meanwhile is read after this: the next heartbeat has nothing to judge it by.
    bound(socket)[BYTES_READ] = undefined;
    socket.resume();
  },
};

/** Ties a socket to its connection, in the tick in which ws hands it over. The listeners are shared by all sockets. */
export function attach(
  socket: WebSocket,
  tcp: Socket,
  connect: () => RuntimeConnection,
  onError: (this: WebSocket, error: Error) => void,
): void {
  const own = bound(socket);
  own[TCP] = tcp;
  countReads(own, tcp);
  socket.on("message", onMessage);
  socket.on("close", onClose);
  socket.on("error", onError);
  own[CONNECTION] = connect();
}

function bound(socket: WebSocket): BoundSocket {
  return socket;
}

/** `handleUpgrade` takes any Duplex, and only a socket counts what it reads. */
function countReads(own: BoundSocket, tcp: Socket): void {
  const counted: number | undefined = tcp.bytesRead;
  if (counted !== undefined) return;
  own[COUNTED] = 0;
  tcp.on("data", ({ length }: Buffer) => {
    own[COUNTED] = (own[COUNTED] ?? 0) + length;
  });
}

function onMessage(this: BoundSocket, data: RawData, isBinary: boolean): void {
  if (isBinary && isBlob(data)) refuseBlob(this);
  else this[CONNECTION]?.receive(isBinary ? bytesOf(data) : textOf(data));
}

function onClose(this: BoundSocket, code: number, reason: Buffer): void {
  this[CONNECTION]?.ended(code, reason.toString());
}

/** What `binaryType` "blob" hands out, which the types leave out. */
function isBlob(data: object): boolean {
  return data instanceof Blob;
}

/** Read later, it would come after what was sent behind it: neither it nor what follows is handed on (I2, I3). */
function refuseBlob(socket: BoundSocket): void {
  socket.off("message", onMessage);
  socket.emit("error", new SessionError("INVALID_ARGUMENT", 'binaryType "blob" can\'t be read in order'));
  wsRuntime.close(socket, 1011, "message unreadable");
}

/** ws hands out Buffers, unless the user asked for something else by `binaryType`. */
function textOf(data: RawData): string {
  return Buffer.isBuffer(data) ? data.toString() : bytesOf(data).toString();
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

/** The socket tells of a failed write by its `close` event; core has told by then what it could. */
function ignoreError(): void {}

/** The TCP socket answers an empty write when all before it has gone, whether or not it was above its mark. */
function awaitDrain(socket: WebSocket): void {
  const own = bound(socket);
  const tcp = own[TCP];
  if (tcp === undefined || tcp.destroyed) return;
  const check = () => {
    if (socket.readyState === CLOSED) return;
    // Looked up now: inside `open` there was no connection yet.
    if (socket.bufferedAmount === 0) own[CONNECTION]?.drained();
    else awaitDrain(socket);
  };
  // The peer has ended its side, and ws ours: a write would destroy the socket with what waits in it.
  if (tcp.writableEnded && !tcp.writableFinished) tcp.once("finish", check);
  else if (tcp.writableLength > 0) tcp.write(EMPTY, check);
  // Nothing waits in the socket, so a message is being compressed, on a thread: it gets there by itself.
  else setImmediate(check);
}

/**
 * Pings; ends a socket from which not a byte has come since the last heartbeat: a pong is bytes, and so is a part of a
 * long message that a pong can't overtake (RFC 6455 section 5.4). One that we do not read is not to blame.
 */
function heartbeat(socket: WebSocket): void {
  if (socket.readyState !== OPEN) return;
  const own = bound(socket);
  const read = own[COUNTED] ?? own[TCP]?.bytesRead;
  if (read !== undefined && own[BYTES_READ] === read && !socket.isPaused) return socket.terminate();
  own[BYTES_READ] = read;
  socket.ping(undefined, undefined, ignoreError);
}

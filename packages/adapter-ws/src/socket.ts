import type { Socket } from "node:net";
import { CloseCode, SessionError } from "@wsession/core";
import type { Runtime, RuntimeConnection, SendOutcome } from "@wsession/core/runtime";
import type { RawData, WebSocket } from "ws";
import { CompressedSends } from "./compressed.ts";
import { WriteProgress } from "./progress.ts";

/** States of a WebSocket. Nothing is imported of ws, which the application may have another copy of. */
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

const CONNECTION = Symbol("wsession.connection");
const TCP = Symbol("wsession.tcp");
const BYTES_READ = Symbol("wsession.bytesRead");
const COUNTED = Symbol("wsession.counted");
const PROGRESS = Symbol("wsession.progress");
const PONGED = Symbol("wsession.ponged");
const COMPRESSED = Symbol("wsession.compressed");
const PONGS_TAKEN = Symbol("wsession.pongsTaken");

/** A ws socket with what the adapter keeps on it: symbols, so that nothing of the user's is in the way. */
interface BoundSocket extends WebSocket {
  [CONNECTION]?: RuntimeConnection;
  [TCP]?: Socket;
  /** At the last heartbeat; `undefined` before the first, and after a pause. */
  [BYTES_READ]?: number | undefined;
  /** What came of a stream that does not count it. */
  [COUNTED]?: number;
  /** While something waits that was written before the last heartbeat, or before a close frame. */
  [PROGRESS]?: WriteProgress | undefined;
  /** After our close frame: whether a pong came since this was last asked, and how often one was taken for a sign. */
  [PONGED]?: boolean;
  /** Where compression was negotiated. */
  [COMPRESSED]?: CompressedSends;
  [PONGS_TAKEN]?: number;
}

const EMPTY = Buffer.alloc(0);
/** Between two looks at messages that the application gave to ws past the connection, and that are being compressed. */
const FOREIGN_MESSAGE_MS = 20;

export const wsRuntime: Runtime<WebSocket> = {
  name: "ws",
  connectionOf: (socket: Pick<BoundSocket, typeof CONNECTION>) => socket[CONNECTION],
  send(socket: BoundSocket, data) {
    if (socket.readyState !== OPEN) return "closed";
    const compressed = socket[COMPRESSED];
    // As a rule without a callback: it would cost a tick for each message, to learn what `close` tells.
    if (compressed === undefined) socket.send(data);
    else socket.send(data, compressed.begin().onSent);
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
  ping: (socket) => socket.ping(undefined, undefined, ignoreError),
  close(socket, code, reason) {
    silence(socket, discard);
    startClosing(socket, code, reason);
    takes(socket, CLOSING_LOOK_MS);
  },
  terminate(socket) {
    silence(socket, discard);
    socket.terminate();
  },
  heartbeat,
  isTaking,
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
  if (socket.extensions !== "") own[COMPRESSED] = new CompressedSends();
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
  silence(socket, ignoreEvent);
  startClosing(socket, CloseCode.HandlerFailed, "message unreadable");
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
  // Nothing waits in the socket, so a message is being compressed, on a thread: it gets there by itself. One that the
  // application gave to ws by itself has no callback of ours.
  else if (own[COMPRESSED]?.wait(check) !== true) setTimeout(check, FOREIGN_MESSAGE_MS).unref();
}

/**
 * Core asks every 2 s whether the peer takes what waits before the close frame. Less than that, so that a stretch without
 * progress is over by then.
 */
const CLOSING_LOOK_MS = 1_900;
/** After that a peer that sends pongs, which nobody asked for maybe, and no close frame, is cut off: 10 s. */
const MAX_PONGS_TAKEN = 4;
/** Of the time between two heartbeats, likewise. */
const HEARTBEAT_LOOK = 0.95;

/** Events that bring something of the peer's. */
const OF_THE_PEER: ReadonlySet<string | symbol> = new Set(["message", "ping", "pong"]);

/**
 * From here on nothing that the peer sends reaches a listener, the application's own ones included: ws goes on reading until
 * the peer answers the close frame, and a message may be of a user who was logged out. `emit` is replaced on this one object.
 * `discarded` is told of each event.
 */
function silence(socket: WebSocket, discarded: (socket: WebSocket, event: string | symbol) => void): void {
  if (Object.hasOwn(socket, "emit")) return;
  const emit = socket.emit.bind(socket);
  socket.emit = (event: string | symbol, ...values: unknown[]) => {
    if (!OF_THE_PEER.has(event)) return emit(event, ...values);
    discarded(socket, event);
    return false;
  };
}

/** Core counts messages. A pong answers a ping of before the close frame: the peer is still reading what was sent. */
function discard(socket: WebSocket, event: string | symbol): void {
  const own = bound(socket);
  if (event === "message") own[CONNECTION]?.receive("");
  else if (event === "pong") own[PONGED] = true;
}

function ignoreEvent(): void {}

/** Whether the peer took something of what waits, or of what lies in the buffers of the operating systems. */
function isTaking(socket: WebSocket): boolean {
  const own = bound(socket);
  if (takes(socket, CLOSING_LOOK_MS)) return true;
  const taken = own[PONGS_TAKEN] ?? 0;
  const isReading = own[PONGED] === true && taken < MAX_PONGS_TAKEN;
  own[PONGED] = false;
  if (isReading) own[PONGS_TAKEN] = taken + 1;
  return isReading;
}

function startClosing(socket: WebSocket, code: number, reason: string): void {
  // A paused socket sees neither the answer to a close frame nor the end (I3).
  if (socket.isPaused) socket.resume();
  socket.close(code, reason);
}

/** Whether the peer takes what waits for it: asked again after a while, whether it took something meanwhile. */
function takes(socket: WebSocket, ms: number): boolean {
  const own = bound(socket);
  const tcp = own[TCP];
  const progress = own[PROGRESS];
  if (progress !== undefined && !progress.isDone) return progress.take();
  progress?.stop();
  own[PROGRESS] = tcp === undefined ? undefined : WriteProgress.watch(tcp, ms);
  return own[PROGRESS] !== undefined;
}

/**
 * Pings; ends a socket whose peer has shown no sign of life since the last heartbeat. A byte that came is one: of a pong,
 * or a part of a long message that a pong can't overtake (RFC 6455 section 5.4). What the peer took of what waits is one
 * too. A peer that we do not read is not to blame. One that has closed its side, and does not take what waits, is looked at
 * as well, because otherwise the socket would stay for ever.
 */
function heartbeat(socket: WebSocket, heartbeatMs = 30_000): void {
  if (socket.readyState !== OPEN && socket.readyState !== CLOSING) return;
  const own = bound(socket);
  const read = own[COUNTED] ?? own[TCP]?.bytesRead;
  const isSilent = read !== undefined && own[BYTES_READ] === read && !socket.isPaused;
  // Asked in any case, because the answer is about the time since it was asked last.
  const hasTaken = takes(socket, heartbeatMs * HEARTBEAT_LOOK);
  if (isSilent && !hasTaken) return socket.terminate();
  own[BYTES_READ] = read;
  if (socket.readyState === OPEN) socket.ping(undefined, undefined, ignoreError);
}

/** In fragments with a ping behind each: the peer answers it when it has read up to there (RFC 6455 section 5.4). */
function sendLong(socket: WebSocket, data: string | Uint8Array, fragmentBytes: number): SendOutcome {
  if (socket.readyState !== OPEN) return "closed";
  const own = bound(socket);
  const tcp = own[TCP];
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  const binary = typeof data !== "string";
  // One call of the operating system for all of them.
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

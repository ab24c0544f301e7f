import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { deferred } from "./waiting.ts";

/** Opcodes of RFC 6455 section 5.2. */
export const Opcode = { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const;

/** The head of a frame that `frame` builds. */
export interface FrameOptions {
  /** The opcode (RFC 6455 section 5.2). @default 1 for a string, 2 for bytes */
  readonly opcode?: number | undefined;
  /** Whether the frame is the last one of its message. @default true */
  readonly fin?: boolean | undefined;
}

/** A client's frame, which is masked (RFC 6455 section 5.3). */
export function frame(payload: string | Uint8Array, options: FrameOptions = {}): Buffer {
  const { opcode = typeof payload === "string" ? Opcode.Text : Opcode.Binary, fin = true } = options;
  const body = Buffer.from(payload);
  const mask = randomBytes(4);
  const head = [(fin ? 0x80 : 0) | opcode];
  if (body.length < 126) head.push(0x80 | body.length);
  else if (body.length < 65_536) head.push(0x80 | 126, body.length >> 8, body.length & 0xff);
  else {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(body.length));
    head.push(0x80 | 127, ...length);
  }
  for (let index = 0; index < body.length; index += 1)
    body.writeUInt8((body[index] ?? 0) ^ (mask[index % 4] ?? 0), index);
  return Buffer.concat([Buffer.from(head), mask, body]);
}

/** The answer to a raw handshake. */
export interface RawResponse {
  /** The HTTP status; 0 if the socket closed without an answer. */
  readonly status: number;
  /** Names in lower case, in the order of the wire. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  /** The body, as UTF-8. */
  readonly body: string;
}

/** The request that `upgrade` sends. */
export interface UpgradeOptions {
  /** The target of the request. @default "/" */
  readonly path?: string | undefined;
  /** Headers after those of a valid handshake, sent as they are, in this order. @default [] */
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]> | undefined;
  /** Sent in the same write as the request, so that it arrives in the same TCP segment. */
  readonly frames?: readonly Uint8Array[] | undefined;
}

/** Reads the close frame that the server sends to a raw peer. The server must not have sent anything else since the handshake. */
export function closeFrameOf({
  socket,
}: RawClient): Promise<{ readonly code: number; readonly reason: string }> {
  return new Promise((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      if (chunk.length < 4 || chunk[0] !== 0x88) return;
      resolve({ code: chunk.readUInt16BE(2), reason: chunk.toString("utf8", 4, 2 + (chunk[1] ?? 2)) });
    });
  });
}

/** A peer that sends any bytes over a TCP socket. It answers neither pings nor close frames by itself. */
export class RawClient {
  /** The TCP socket. */
  readonly socket: Socket;
  /** Resolves once the TCP socket is closed. Never rejects. */
  readonly closed: Promise<void>;
  #bytes = Buffer.alloc(0);
  #head = deferred<RawResponse>();
  #ended = deferred<RawResponse>();

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const closed = deferred();
    this.closed = closed.promise;
    this.socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.#ended.resolve(this.#parse() ?? { status: 0, headers: [], body: "" });
      this.#head.resolve({ status: 0, headers: [], body: "" });
      closed.resolve();
    });
  }

  /** Sends the request for a WebSocket. */
  upgrade(options: UpgradeOptions = {}): void {
    const { path = "/", headers = [], frames = [] } = options;
    const lines = [
      `GET ${path} HTTP/1.1`,
      "Host: 127.0.0.1",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
      ...headers.map(([name, value]) => `${name}: ${value}`),
    ];
    this.write(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), ...frames]));
  }

  /** Sends bytes in one write, without framing. */
  write(...chunks: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(chunks));
  }

  /** The answer's head; status 0 if the socket closed without one. */
  get response(): Promise<RawResponse> {
    return this.#head.promise;
  }

  /** The whole answer, once the server has ended the socket. The answer 101 is no refusal, and is returned at once. */
  get refusal(): Promise<RawResponse> {
    return this.#ended.promise;
  }

  /** Ends the TCP connection, without a close frame. */
  destroy(): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    // Data after the head is not needed, and a flood must not be kept in memory.
    if (this.#bytes.length < 65_536) this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const response = this.#parse();
    if (response !== undefined) this.#head.resolve(response);
    // The server does not end a socket that it accepted: a test that expects a refusal would wait until its time limit.
    if (response?.status === 101) this.#ended.resolve(response);
  }

  #parse(): RawResponse | undefined {
    const end = this.#bytes.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const [statusLine = "", ...lines] = this.#bytes.toString("latin1", 0, end).split("\r\n");
    const headers = lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    });
    return { status: Number(statusLine.split(" ")[1]), headers, body: this.#bytes.toString("utf8", end + 4) };
  }
}

/** The values of a header, in the order of the wire. */
export function valuesOf(headers: RawResponse["headers"], wanted: string): string[] {
  return headers.filter(([name]) => name === wanted).map(([, value]) => value);
}

import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { deferred } from "./waiting.ts";

/** The options of `Client.connect`. */
export interface ClientOptions {
  /** The subprotocols to offer. @default [] */
  readonly protocols?: readonly string[] | undefined;
  /** Further headers of the handshake. @default {} */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Runs in the tick of the client's own `open` event. */
  readonly atOpen?: ((socket: WebSocket) => void) | undefined;
  /** Stops reading at once. */
  readonly paused?: boolean | undefined;
}

/** The close frame that a peer got. */
export interface ClosedWith {
  /** The close code; 1006 if no close frame arrived. */
  readonly code: number;
  /** The text of the close frame; "" for none. */
  readonly reason: string;
}

/** A received message: text as a string, bytes as a Buffer. */
export type Received = string | Buffer;

/** A well-behaved peer: the client of `ws`. */
export class Client {
  /** The client of ws, for what this class has no method for. */
  readonly socket: WebSocket;
  /** All messages so far, in order, read or not. */
  readonly received: Received[] = [];
  /** Resolves once the socket is closed. Never rejects. */
  readonly closed: Promise<ClosedWith>;
  /** Headers of the 101. */
  headers: IncomingMessage["headers"] = {};
  #read = 0;
  #arrived = deferred();

  private constructor(url: string, options: ClientOptions) {
    const ended = deferred<ClosedWith>();
    this.closed = ended.promise;
    this.socket = new WebSocket(url, [...(options.protocols ?? [])], { headers: options.headers ?? {} });
    this.socket.on("upgrade", (response) => {
      this.headers = response.headers;
    });
    this.socket.on("message", (data, isBinary) => this.#keep(data, isBinary));
    this.socket.on("close", (code, reason) => ended.resolve({ code, reason: reason.toString() }));
    // The promise may have no awaiter. `closed` reports the same end.
    this.socket.on("error", () => undefined);
  }

  /** Resolves once the handshake was answered with 101. Rejects with the status of any other answer. */
  static async connect(url: string, options: ClientOptions = {}): Promise<Client> {
    const client = new Client(url, options);
    const opened = deferred();
    client.socket.on("unexpected-response", (_, response) => {
      opened.reject(new Error(`the handshake was answered with ${response.statusCode}`));
      client.socket.terminate();
    });
    client.socket.on("error", opened.reject);
    client.socket.on("open", () => {
      if (options.paused === true) client.socket.pause();
      options.atOpen?.(client.socket);
      opened.resolve();
    });
    await opened.promise;
    return client;
  }

  /** Sends one message. */
  send(data: string | Uint8Array): void {
    this.socket.send(data);
  }

  /** Resolves with the next message. Each message is returned once. */
  async next(): Promise<Received> {
    for (;;) {
      const message = this.received[this.#read];
      if (message !== undefined) {
        this.#read += 1;
        return message;
      }
      await this.#unlessClosed(this.#arrived.promise);
    }
  }

  /** Resolves once the server has read all data that was sent before, by a ping and its pong. */
  async roundTrip(): Promise<void> {
    const answered = once(this.socket, "pong");
    this.socket.ping();
    await this.#unlessClosed(answered);
  }

  /** Rejects when the connection ends first, because otherwise the promise would never settle. */
  async #unlessClosed(wanted: Promise<unknown>): Promise<void> {
    const ended = this.closed.then(({ code, reason }) => {
      throw new Error(`the connection was closed with ${code} ${reason}`);
    });
    await Promise.race([wanted, ended]);
  }

  #keep(data: WebSocket.RawData, isBinary: boolean): void {
    this.received.push(isBinary ? bytesOf(data) : bytesOf(data).toString());
    const arrived = this.#arrived;
    this.#arrived = deferred();
    arrived.resolve();
  }
}

function bytesOf(data: WebSocket.RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

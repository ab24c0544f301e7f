/** A server whose frames the case sends one by one, over real sockets. It has no sessions. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { parseClientControl, SUBPROTOCOL, writeKept, writeServerControl } from "@wsession/protocol";
import type { Attach, Hello } from "@wsession/protocol";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { deferred, within } from "./waiting.ts";

/** The options of `ScriptedServer.listen`. */
export interface ScriptedServerOptions {
  /** Chooses the subprotocol of the answer among the offered ones. @default a function that returns `SUBPROTOCOL` */
  readonly choose?: ((offered: readonly string[]) => string) | undefined;
  /** The TCP port; 0 for a free one. @default 0 */
  readonly port?: number | undefined;
}

/** A server whose frames the case sends one by one, over real sockets. It has no sessions. */
export class ScriptedServer {
  /** The TCP port on 127.0.0.1. */
  readonly port: number;
  readonly #server: WebSocketServer;
  readonly #peers: ScriptedPeer[] = [];
  readonly #waiting: ((peer: ScriptedPeer) => void)[] = [];
  /** The number of connections so far. */
  connections = 0;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("unreachable: it listens on a port");
    this.port = (address satisfies AddressInfo).port;
    server.on("connection", (socket, request) => {
      this.connections += 1;
      const peer = new ScriptedPeer(socket, request);
      const wanted = this.#waiting.shift();
      if (wanted === undefined) this.#peers.push(peer);
      else wanted(peer);
    });
  }

  /** Starts a server. Resolves once it listens. */
  static async listen({ choose, port = 0 }: ScriptedServerOptions = {}): Promise<ScriptedServer> {
    const server = new WebSocketServer({
      host: "127.0.0.1",
      port,
      handleProtocols: (offered) => (choose ?? chooseProtocol)([...offered]),
    });
    await once(server, "listening");
    return new ScriptedServer(server);
  }

  /** The address for a client, with a slash at its end. */
  get url(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  /** Resolves with the next connection. Each connection is returned once. */
  peer(): Promise<ScriptedPeer> {
    const peer = this.#peers.shift();
    const { promise, resolve } = deferred<ScriptedPeer>();
    if (peer !== undefined) resolve(peer);
    else this.#waiting.push(resolve);
    return within(20_000, "a connection of the client", promise);
  }

  /** Cuts all connections, without a close frame. */
  async close(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}

function chooseProtocol(offered: readonly string[]): string {
  return offered.includes(SUBPROTOCOL) ? SUBPROTOCOL : (offered[0] ?? "");
}

/** One connection, from the server's side. */
export class ScriptedPeer {
  /** The server's socket of ws. */
  readonly socket: WebSocket;
  /** The query of the address, and the subprotocols that were offered. */
  readonly query: URLSearchParams;
  /** The subprotocols that the client offered, in order. */
  readonly offered: readonly string[];
  /** Resolves with the client's close frame once the socket is closed; code 1006 if no close frame arrived. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #frames: (string | Buffer)[] = [];
  readonly #waiting: ((frame: string | Buffer) => void)[] = [];

  constructor(socket: WebSocket, request: IncomingMessage) {
    this.socket = socket;
    this.query = new URL(request.url ?? "/", "ws://localhost").searchParams;
    this.offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
    const ended = deferred<{ code: number; reason: string }>();
    this.closed = ended.promise;
    socket.on("message", (data: Buffer, isBinary) => {
      const frame = isBinary ? data : data.toString();
      const wanted = this.#waiting.shift();
      if (wanted === undefined) this.#frames.push(frame);
      else wanted(frame);
    });
    socket.on("close", (code, reason) => ended.resolve({ code, reason: reason.toString() }));
    socket.on("error", () => undefined);
  }

  /** Received frames that the case has not read. */
  get untaken(): readonly (string | Buffer)[] {
    return this.#frames;
  }

  /** Resolves with the next frame that the case has not read. */
  frame(): Promise<string | Buffer> {
    const frame = this.#frames.shift();
    const { promise, resolve } = deferred<string | Buffer>();
    if (frame !== undefined) resolve(frame);
    else this.#waiting.push(resolve);
    return within(20_000, "a frame of the client", promise);
  }

  /** The next frame, which has to be an attach. */
  async attach(): Promise<Attach> {
    return parseAttach(await this.frame());
  }

  /**
   * The next attach. Skips control frames and frames of `earlier`, which the client may have sent before: some runtimes deliver frames
   * of one write in separate turns of the event loop. Another message before the attach fails.
   */
  async attachAfter(earlier: readonly string[]): Promise<Attach> {
    for (;;) {
      const frame = await this.frame();
      if (String(frame).startsWith(".a")) return parseAttach(frame);
      const isSkipped = String(frame).startsWith(".") || earlier.includes(String(frame));
      if (!isSkipped) throw new Error(`an attach was expected, and ${String(frame)} came`);
    }
  }

  /** Sends a frame as it is, valid or not. */
  send(frame: string | Uint8Array): void {
    this.socket.send(frame);
  }

  /** Sends a hello: that of `helloOf`, with these members replaced. */
  hello(fields: Partial<Hello> = {}): void {
    this.send(writeServerControl(helloOf(fields)));
  }

  /** A kept message; `chain` is the chain after it. */
  kept(chain: number, message: string | Uint8Array): void {
    this.send(writeKept({ chain, message }));
  }

  /** Resolves once the client has read all earlier frames, by a ping and its pong. */
  async roundTrip(): Promise<void> {
    const answered = once(this.socket, "pong");
    this.socket.ping();
    await within(20_000, "the pong of the client", answered);
  }

  /** Ends the TCP connection, without a close frame. */
  cut(): void {
    this.socket.terminate();
  }
}

function parseAttach(frame: string | Buffer): Attach {
  const control = parseClientControl(String(frame));
  if (control.type !== "attach") throw new Error(`an attach was expected, and ${String(frame)} came`);
  return control;
}

/** The hello of a new session "s1". */
export function helloOf(fields: Partial<Hello> = {}): Hello {
  return {
    type: "hello",
    session: "s1",
    lasting: true,
    resumed: false,
    mode: "transaction",
    record: false,
    settled: 0,
    refused: [],
    floor: 0,
    mark: 0,
    at: { offset: 0, chain: 0 },
    missed: undefined,
    beatMs: 0,
    maxMessage: 1_048_576,
    acks: false,
    protocol: "",
    token: undefined,
    ...fields,
  };
}

import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { FrameReader, maskedFrame, Opcode } from "./frames.ts";
import type { FrameVisitor } from "./frames.ts";

const CLOSE = maskedFrame(Opcode.Close, Buffer.from([0x03, 0xe8]));
const PONG = maskedFrame(Opcode.Pong, Buffer.alloc(0));

export interface RawOptions {
  readonly port: number;
  /** 127.0.0.1 by default. */
  readonly host?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A WebSocket client on a plain TCP socket. It uses much less CPU time than the server under test. */
export class RawConnection implements FrameVisitor {
  readonly socket: Socket;
  /** The head of the server's answer. */
  head = "";
  wantsPayloads = false;
  /** Called for each text or binary message; with the payload if payloads are requested. */
  onMessage: (payload: Buffer | undefined) => void = () => undefined;
  onClose: () => void = () => undefined;
  #reader = new FrameReader(this);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("close", () => this.onClose());
    socket.on("error", () => undefined);
  }

  /** Resolves when the server has answered 101; rejects for any other answer. */
  static open(
    { port, host = "127.0.0.1", path = "/", headers = {} }: RawOptions,
    prepare?: (connection: RawConnection) => void,
  ): Promise<RawConnection> {
    const socket = connect({ port, host, noDelay: true });
    const connection = new RawConnection(socket);
    prepare?.(connection);
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    return new Promise((resolve, reject) => {
      let received: Buffer = Buffer.alloc(0);
      const listen = (chunk: Buffer): void => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        const end = received.indexOf("\r\n\r\n");
        if (end < 0) return;
        connection.head = received.toString("latin1", 0, end);
        socket.off("data", listen);
        if (!connection.head.startsWith("HTTP/1.1 101")) {
          socket.destroy();
          return reject(new Error(connection.head.split("\r\n", 1)[0]));
        }
        socket.on("data", (bytes: Buffer) => connection.#reader.read(bytes));
        resolve(connection);
        if (received.length > end + 4) connection.#reader.read(received.subarray(end + 4));
      };
      socket.on("data", listen);
      socket.once("close", () => reject(new Error("the server closed the connection")));
    });
  }

  frame(opcode: number, payload: Buffer | undefined): void {
    if (opcode === Opcode.Ping) this.socket.write(PONG);
    else if (opcode === Opcode.Close) this.socket.end(CLOSE);
    else if (opcode < Opcode.Close) this.onMessage(payload);
  }

  send(text: string): void {
    this.socket.write(maskedFrame(Opcode.Text, Buffer.from(text)));
  }

  /** Opens a connection and waits for the server's greeting. */
  static async greeted(options: RawOptions): Promise<{ connection: RawConnection; greeting: string }> {
    const greeting = { resolve: (_text: string): void => undefined };
    const greeted = new Promise<string>((resolve) => {
      greeting.resolve = resolve;
    });
    const connection = await RawConnection.open(options, (raw) => {
      raw.wantsPayloads = true;
      raw.onMessage = (payload) => greeting.resolve(payload?.toString() ?? "");
    });
    return { connection, greeting: await greeted };
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Opens many connections, with a limited number of concurrent handshakes. */
export async function openMany(
  count: number,
  open: (index: number) => Promise<RawConnection>,
  atOnce = 200,
): Promise<RawConnection[]> {
  const connections: RawConnection[] = [];
  for (let first = 0; first < count; first += atOnce) {
    const batch = Array.from({ length: Math.min(atOnce, count - first) }, (_, index) => open(first + index));
    connections.push(...(await Promise.all(batch)));
  }
  return connections;
}

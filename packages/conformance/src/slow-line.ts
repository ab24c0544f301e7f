import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

/** A connection that delivers the server's data at a fixed rate. Data of the client is not delayed. */
export class SlowLine {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, port: number, sockets: Set<Socket>) {
    this.#server = server;
    this.port = port;
    this.#sockets = sockets;
  }

  static async to(port: number, bytesPerSecond: number): Promise<SlowLine> {
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      const upstream = connect({ port, host: "127.0.0.1", noDelay: true });
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(one);
        one.on("error", () => undefined);
        one.on("close", () => other.destroy());
      }
      client.on("data", (chunk) => void upstream.write(chunk));
      upstream.on("data", (chunk) => {
        client.write(chunk);
        upstream.pause();
        setTimeout(() => upstream.resume(), (chunk.length * 1_000) / bytesPerSecond);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new SlowLine(server, portOf(server.address()), sockets);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function portOf(address: AddressInfo | string | null): number {
  if (typeof address !== "object" || address === null) throw new Error("the line has no port");
  return address.port;
}

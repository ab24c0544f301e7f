import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { onTestFinished } from "vitest";

/** The network between a client and a server: a TCP proxy that can be cut. */
export class Line {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The port of the server behind it. */
  target: number;
  /** Whether the line is cut. */
  isDown = false;

  private constructor(target: number) {
    this.target = target;
    this.#server = createServer((client) => this.#link(client));
  }

  static async to(target: number): Promise<Line> {
    const line = new Line(target);
    line.#server.listen(0, "127.0.0.1");
    await once(line.#server, "listening");
    onTestFinished(() => {
      line.cut();
      line.#server.close();
    });
    return line;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends all connections, without a close frame. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #link(client: Socket): void {
    if (this.isDown) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.target, "127.0.0.1");
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => undefined);
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}

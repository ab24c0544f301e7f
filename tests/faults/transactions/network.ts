import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { randomFrom } from "../load.mjs";

/** The faults of connections. `cut-after` applies to the next new connection. */
export type NetworkFault =
  | { readonly type: "none" }
  /** The delay of the clients' data, also after a client has gone. */
  | { readonly type: "late"; readonly ms: number }
  /** Data of servers does not arrive. */
  | { readonly type: "deaf" }
  /** Ends the connection once `side` has sent this many bytes, which arrive. */
  | { readonly type: "cut-after"; readonly side: "client" | "server"; readonly bytes: number };

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  readonly target: number;
  /** Half-open: the client has gone, and the server has not detected the end. */
  isAbandoned: boolean;
  /** Bytes until the connection is cut. */
  left: { client: number; server: number };
}

/** The network between clients and servers: a TCP proxy on one port that leads each connection to any of the servers. */
export class Network {
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #random: () => number;
  #targets: readonly number[];
  #fault: NetworkFault = { type: "none" };
  /** The number of connections so far, and the bytes of clients and servers that arrived on those that have ended. */
  readonly counts: { connections: number; client: number; server: number } = {
    connections: 0,
    client: 0,
    server: 0,
  };

  private constructor(targets: readonly number[], seed: number) {
    this.#targets = targets;
    this.#random = randomFrom(seed);
    this.#server = createServer((client) => this.#link(client));
  }

  /** @param targets the ports of the servers */
  static async to(targets: readonly number[], seed = 1): Promise<Network> {
    const network = new Network(targets, seed);
    network.#server.listen(0, "127.0.0.1");
    await once(network.#server, "listening");
    return network;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" ? (address?.port ?? 0) : 0;
  }

  /** New connections go to these servers. */
  leadTo(targets: readonly number[]): void {
    this.#targets = targets;
  }

  set(fault: NetworkFault): void {
    this.#fault = fault;
  }

  /** Ends this share of the connections, without a close frame. */
  cut(share = 1): void {
    for (const link of this.#links) if (this.#random() < share) this.#end(link);
  }

  /** Ends connections on the client's side alone: data in flight still arrives, and the server detects the end after `noticedMs`. */
  abandon(noticedMs: number): void {
    for (const link of this.#links) {
      if (link.isAbandoned) continue;
      link.isAbandoned = true;
      link.client.destroy();
      setTimeout(() => this.#end(link), noticedMs);
    }
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #link(client: Socket): void {
    const target = this.#targets[Math.floor(this.#random() * this.#targets.length)];
    if (target === undefined) throw new Error("the network leads nowhere");
    this.counts.connections += 1;
    const left = { client: Infinity, server: Infinity };
    if (this.#fault.type === "cut-after") {
      left[this.#fault.side] = this.#fault.bytes;
      this.#fault = { type: "none" };
    }
    const server = connect(target, "127.0.0.1");
    const link: Link = { client, server, target, isAbandoned: false, left };
    this.#links.add(link);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
    }
    client.on("data", (chunk) => {
      const { type } = this.#fault;
      if (type === "late") setTimeout(() => this.#pass(link, "client", chunk), this.#fault.ms);
      else this.#pass(link, "client", chunk);
    });
    server.on("data", (chunk) => {
      if (this.#fault.type !== "deaf") this.#pass(link, "server", chunk);
    });
    client.on("close", () => link.isAbandoned || this.#end(link));
    server.on("close", () => this.#end(link));
  }

  #pass(link: Link, side: "client" | "server", chunk: Buffer): void {
    const other = side === "client" ? link.server : link.client;
    if (other.destroyed) return;
    const arrives = chunk.subarray(0, link.left[side]);
    link.left[side] -= chunk.length;
    this.counts[side] += arrives.length;
    if (link.left[side] > 0) other.write(arrives);
    else other.write(arrives, () => this.#end(link));
  }

  #end(link: Link): void {
    this.#links.delete(link);
    link.client.destroy();
    link.server.destroy();
  }
}

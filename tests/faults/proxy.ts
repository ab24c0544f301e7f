import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** One connection through the proxy. `listens` is true for the connection of the announcements. */
interface Link {
  readonly client: Socket;
  readonly server: Socket;
  listens: boolean;
  /** Delayed data of the server, in order. */
  readonly held: { readonly chunk: Buffer; readonly until: number }[];
}

export type Which = "all" | "commands" | "subscriptions";

/** The fault to apply to data of the server. */
export type Fault =
  | { readonly type: "none" }
  /** The data never arrives; the connection stays open. */
  | { readonly type: "drop" }
  | { readonly type: "delay"; readonly ms: number }
  /** The next reply arrives by half, and the connection ends. */
  | { readonly type: "cut-in-reply" };

/** A TCP proxy before one Redis server, on a port of its own. */
export class Proxy {
  readonly #server: Server;
  #target: number;
  readonly #links = new Set<Link>();
  #fault: Fault = { type: "none" };
  #which: Which = "all";
  #refuses: Which | undefined;
  /** The number of cut connections, and of dropped or delayed pieces of replies. */
  readonly counts: { cut: number; dropped: number; delayed: number } = { cut: 0, dropped: 0, delayed: 0 };

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#link(client));
  }

  static async start(target: number): Promise<Proxy> {
    const proxy = new Proxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" ? (address?.port ?? 0) : 0;
  }

  /** Sends new connections to another server. Existing connections stay. */
  leadTo(target: number): void {
    this.#target = target;
  }

  set(fault: Fault, which: Which = "all"): void {
    this.#fault = fault;
    this.#which = which;
  }

  /** Ends all connections at once. */
  cut(which: Which = "all"): void {
    for (const link of this.#links) if (matches(link, which)) this.#end(link);
  }

  /** Ends all connections, and each new connection until `accept`. */
  refuse(which: Which = "all"): void {
    this.#refuses = which;
    this.cut(which);
  }

  accept(): void {
    this.#refuses = undefined;
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #link(client: Socket): void {
    if (this.#refuses === "all") {
      client.destroy();
      return;
    }
    const server = connect(this.#target, "127.0.0.1");
    const link: Link = { client, server, listens: false, held: [] };
    this.#links.add(link);
    client.setNoDelay(true);
    server.setNoDelay(true);
    client.on("data", (chunk) => {
      if (!link.listens && /subscribe/i.test(chunk.toString("latin1"))) link.listens = true;
      if (this.#refuses !== undefined && matches(link, this.#refuses)) this.#end(link);
      else server.write(chunk);
    });
    server.on("data", (chunk) => this.#reply(link, chunk));
    for (const socket of [client, server]) {
      socket.on("error", () => undefined);
      socket.on("close", () => this.#forget(link));
    }
  }

  #reply(link: Link, chunk: Buffer): void {
    const fault = matches(link, this.#which) ? this.#fault : { type: "none" as const };
    switch (fault.type) {
      case "drop":
        this.counts.dropped += 1;
        return;
      case "cut-in-reply":
        link.client.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), () => this.#end(link));
        return;
      case "delay":
        this.counts.delayed += 1;
        this.#hold(link, chunk, fault.ms);
        return;
      case "none":
        if (link.held.length === 0) link.client.write(chunk);
        else this.#hold(link, chunk, 0);
    }
  }

  #hold(link: Link, chunk: Buffer, ms: number): void {
    link.held.push({ chunk, until: performance.now() + ms });
    if (link.held.length === 1) this.#release(link);
  }

  /** Forwards the data that is due, from the head of the queue, so that the order is kept. */
  #release(link: Link): void {
    for (let [head] = link.held; head !== undefined; [head] = link.held) {
      const left = head.until - performance.now();
      if (left > 0) {
        setTimeout(() => this.#release(link), Math.ceil(left));
        return;
      }
      link.held.shift();
      link.client.write(head.chunk);
    }
  }

  #end(link: Link): void {
    this.counts.cut += 1;
    this.#forget(link);
  }

  #forget(link: Link): void {
    this.#links.delete(link);
    link.client.destroy();
    link.server.destroy();
  }
}

function matches(link: Link, which: Which): boolean {
  return which === "all" || link.listens === (which === "subscriptions");
}

import { once } from "node:events";
import { type Server, type Socket, connect, createServer } from "node:net";

/** What happens to the data that the server sends. */
export type Replies = "pass" | "drop" | "hold";

export interface TcpProxy {
  readonly port: number;
  /** Applies to data from now on, on every connection. `hold` delays it until the mode is `pass` again. */
  replies(mode: Replies): void;
  /** Holds the messages of subscriptions from now on, until `replies("pass")`. Other data passes. */
  holdAnnouncements(): void;
  /** Holds replies from the next request with this text on: the server runs the request. Then calls `observed`. */
  holdFrom(text: string, observed?: () => void): void;
  /** Delays the data of clients, in milliseconds. */
  delayRequests(ms: number): void;
  /** Delivers the data of clients that is delayed now. */
  deliver(): void;
  /** Cuts each connection in the middle of the next reply, after its first `bytes`. */
  cutAfter(bytes: number): void;
  /** Cuts every connection now. Data on its way to the server is still delivered, unless it is `lost`. */
  cut(lost?: "lost"): void;
  /** Refuses new connections, or accepts them again. */
  refuse(refused: boolean): void;
  readonly connections: number;
  /** The number of chunks from clients that are still delayed. */
  readonly pending: number;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly held: Buffer[];
}

/** Data that begins with a message of a subscription. */
const ANNOUNCEMENT = /^[*>]3\r\n\$\d\r\ns?message\r\n/;

/** Starts a TCP proxy that simulates the faults of a network between a client and a server. */
export async function startProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let mode: Replies | "hold-announcements" = "pass";
  let delayMs = 0;
  let cutBytes = Number.POSITIVE_INFINITY;
  let refused = false;
  const pending = new Map<NodeJS.Timeout, () => void>();
  let awaited: { readonly text: string; readonly observed: () => void } | undefined;

  const listener: Server = createServer((client) => {
    if (refused) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(target.port, target.host);
    const pair: Pair = { client, server, held: [] };
    pairs.add(pair);
    client.setNoDelay(true);
    server.setNoDelay(true);
    // Keeps the order for any delays, because TCP never reorders.
    const waiting: Buffer[] = [];
    let readyAt = 0;
    let isLeft = false;
    const endSoon = (): void => void setTimeout(() => server.destroy(), 1_000).unref();
    client.on("data", (data) => {
      if (awaited !== undefined && data.includes(awaited.text)) {
        const { observed } = awaited;
        awaited = undefined;
        mode = "hold";
        observed();
      }
      const now = performance.now();
      readyAt = Math.max(readyAt, now + delayMs);
      if (delayMs === 0 && waiting.length === 0) {
        server.write(data);
        return;
      }
      waiting.push(data);
      const deliver = (): void => {
        clearTimeout(timer);
        pending.delete(timer);
        server.write(waiting.shift() ?? "");
        if (isLeft && waiting.length === 0) endSoon();
      };
      const timer = setTimeout(deliver, readyAt - now);
      pending.set(timer, deliver);
    });
    server.on("data", (data) => {
      if (cutBytes !== Number.POSITIVE_INFINITY) {
        client.end(data.subarray(0, cutBytes));
        cutBytes = Number.POSITIVE_INFINITY;
      } else if (mode === "pass") client.write(data);
      else if (
        mode === "hold" ||
        (mode === "hold-announcements" && ANNOUNCEMENT.test(data.toString("latin1")))
      )
        pair.held.push(data);
      else if (mode === "hold-announcements") client.write(data);
    });
    client.on("error", () => undefined);
    server.on("error", () => undefined);
    client.on("close", () => {
      pairs.delete(pair);
      // The server must still receive what the client sent before it disconnected.
      isLeft = true;
      if (waiting.length === 0) endSoon();
    });
    server.on("close", () => client.destroy());
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");

  return {
    port: address.port,
    replies: (next) => {
      mode = next;
      if (mode !== "pass") return;
      for (const { client, held } of pairs) for (const data of held.splice(0)) client.write(data);
    },
    holdAnnouncements: () => {
      mode = "hold-announcements";
    },
    holdFrom: (text, observed = () => undefined) => {
      awaited = { text, observed };
    },
    delayRequests: (ms) => {
      delayMs = ms;
    },
    deliver: () => {
      for (const deliver of pending.values()) deliver();
    },
    cutAfter: (bytes) => {
      cutBytes = bytes;
    },
    cut: (lost) => {
      for (const { client, server } of pairs) {
        client.destroy();
        if (lost !== undefined) server.destroy();
      }
    },
    refuse: (next) => {
      refused = next;
    },
    get connections() {
      return pairs.size;
    },
    get pending() {
      return pending.size;
    },
    close: async () => {
      for (const timer of pending.keys()) clearTimeout(timer);
      for (const { client, server } of pairs) {
        client.destroy();
        server.destroy();
      }
      listener.close();
      await once(listener, "close");
    },
  };
}

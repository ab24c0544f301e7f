// The parts of the examples that do not use wsession: a server on a free port, and a client.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

export interface Client {
  send(text: string): void;
  /** The next message of the server; rejects when the connection ends first. */
  next(): Promise<string>;
  /** Resolves with the close code. Either side may close. */
  readonly closed: Promise<number>;
  close(): Promise<number>;
}

export async function listen(): Promise<{ server: WebSocketServer; url: string }> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  return { server, url: `ws://127.0.0.1:${portOf(server)}/` };
}

export function portOf(server: { address(): string | AddressInfo | null }): number {
  const address = server.address();
  if (!isAddress(address)) throw new Error("the server has no port");
  return address.port;
}

function isAddress(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === "object" && address !== null;
}

export async function connect(url: string, headers: Record<string, string> = {}): Promise<Client> {
  const socket = new WebSocket(url, { headers });
  const messages: string[] = [];
  const waiting: { resolve(text: string): void; reject(error: Error): void }[] = [];
  socket.on("message", (data) => {
    const text = Buffer.isBuffer(data) ? data.toString() : "";
    const waiter = waiting.shift();
    if (waiter === undefined) messages.push(text);
    else waiter.resolve(text);
  });
  const closed = new Promise<number>((resolve) => {
    socket.on("close", (code: number) => {
      for (const waiter of waiting.splice(0)) waiter.reject(new Error(`closed with ${code}`));
      resolve(code);
    });
  });
  await once(socket, "open");
  return {
    send: (text) => socket.send(text),
    next: () => {
      const message = messages.shift();
      if (message !== undefined) return Promise.resolve(message);
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
      });
    },
    closed,
    close: () => {
      socket.close();
      return closed;
    },
  };
}

import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { bindSessions } from "@wsession/adapter-ws";
import type { AdapterHarness, AdapterServer } from "@wsession/conformance";
import { WebSocketServer } from "ws";
import type { ServerOptions } from "ws";

type Options = Omit<ServerOptions, "port" | "server" | "noServer">;

/** The three ways to create a ws server, on a free port of 127.0.0.1. */
export const ways = {
  port: async (options: Options = {}) => {
    const server = new WebSocketServer({ ...options, port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    return { server, address: server.address() as AddressInfo, http: undefined };
  },
  server: async (options: Options = {}) => {
    const http = await listening(createServer());
    return {
      server: new WebSocketServer({ ...options, server: http }),
      address: http.address() as AddressInfo,
      http,
    };
  },
  noServer: async (options: Options = {}) => {
    const http = await listening(createServer());
    const server = new WebSocketServer({ ...options, noServer: true });
    http.on("upgrade", (request, socket: Socket, head) => {
      server.handleUpgrade(request, socket, head, (webSocket) => {
        server.emit("connection", webSocket, request);
      });
    });
    return { server, address: http.address() as AddressInfo, http };
  },
};

export type Way = keyof typeof ways;

export function wsHarness(way: Way, options: Options = {}): AdapterHarness {
  return {
    runtime: "ws",
    pauses: true,
    keepsEagerFrames: true,
    async listen(sessions, handlers): Promise<AdapterServer> {
      const { server, address, http } = await ways[way](options);
      const binding = bindSessions(server, sessions, handlers);
      return { port: address.port, binding, close: () => closeAll(server, http) };
    },
  };
}

export async function closeAll(server: WebSocketServer, http: Server | undefined): Promise<void> {
  // `undefined` without `clientTracking`, despite the types.
  const clients: Set<{ terminate(): void }> | undefined = server.clients;
  for (const client of clients ?? []) client.terminate();
  server.close();
  if (http === undefined) return;
  http.closeAllConnections();
  http.close();
  await once(http, "close");
}

async function listening(http: Server): Promise<Server> {
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return http;
}

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { bindSessions as bindBun } from "@wsession/adapter-bun";
import type { BunServer, BunWebSocketHandler } from "@wsession/adapter-bun";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import type { AdapterHarness } from "@wsession/conformance";
import { WebSocketServer } from "ws";

/** The part of Bun's global that the harness uses. */
declare const Bun: {
  serve(options: {
    readonly port: number;
    readonly hostname: string;
    readonly fetch: (request: Request, server: BunServer) => Promise<Response | undefined>;
    readonly websocket: BunWebSocketHandler;
  }): { readonly port: number; stop(closeActiveConnections: boolean): Promise<void> };
};

const bun: AdapterHarness = {
  runtime: "bun",
  pauses: true,
  keepsEagerFrames: false,
  fragments: false,
  listen(sessions, handlers) {
    const binding = bindBun(sessions, handlers);
    const { fetch, websocket } = binding;
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch, websocket });
    return { port: server.port, binding, close: () => server.stop(true) };
  },
};

const ws: AdapterHarness = {
  runtime: "ws",
  pauses: true,
  keepsEagerFrames: true,
  async listen(sessions, handlers) {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    const binding = bindWs(server, sessions, handlers);
    return {
      port: (server.address() as AddressInfo).port,
      binding,
      close() {
        for (const client of server.clients) client.terminate();
        server.close();
      },
    };
  },
};

export const harnesses: Readonly<Record<string, AdapterHarness>> = { bun, ws };

/** The same adapter, except that each connection loses its first message. */
export function losing(harness: AdapterHarness): AdapterHarness {
  return {
    ...harness,
    listen(sessions, handlers) {
      const { message } = handlers;
      if (message === undefined) return harness.listen(sessions, handlers);
      const begun = new WeakSet<object>();
      return harness.listen(sessions, {
        ...handlers,
        message(connection, data) {
          if (begun.has(connection)) return message(connection, data);
          begun.add(connection);
          return undefined;
        },
      });
    },
  };
}

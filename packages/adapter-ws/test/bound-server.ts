// A server of ws with sessions bound to it, and clients of it.
import { bindSessions } from "@wsession/adapter-ws";
import { Client } from "@wsession/conformance";
import type { Handlers, Sessions } from "@wsession/core";
import { onTestFinished } from "vitest";
import type { ServerOptions, WebSocketServer } from "ws";
import { closeAll, ways } from "./servers.ts";
import type { Way } from "./servers.ts";

export type Data = { readonly n: number };

export async function serve<Transport, Unset extends undefined>(
  way: Way,
  options: Omit<ServerOptions, "port" | "server" | "noServer">,
  sessions: Sessions<Data, Transport, Unset>,
  handlers: Handlers<Data, Transport, Unset> = {},
): Promise<{ readonly port: number; readonly server: WebSocketServer }> {
  const { server, address, http } = await ways[way](options);
  bindSessions(server, sessions, handlers);
  onTestFinished(async () => {
    await sessions.close();
    await closeAll(server, http);
  });
  return { port: address.port, server };
}

export async function connect(port: number, protocols: readonly string[] = []): Promise<Client> {
  const client = await Client.connect(`ws://127.0.0.1:${port}`, { protocols });
  onTestFinished(() => client.socket.terminate());
  return client;
}

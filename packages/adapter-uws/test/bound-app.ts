// An app of uWebSockets.js with sessions bound to it, and clients of it.
import { bindSessions } from "@wsession/adapter-uws";
import type { BindOptions } from "@wsession/adapter-uws";
import { Client } from "@wsession/conformance";
import type { Connection, Handlers, Sessions } from "@wsession/core";
import { onTestFinished } from "vitest";
import uWS from "uWebSockets.js";
import type { TemplatedApp, WebSocket } from "uWebSockets.js";
import { listen } from "./servers.ts";

export type Data = { readonly n: number };
export type Conn = Connection<Data, unknown, never>;

export interface Setting extends BindOptions {
  readonly pattern?: string;
  readonly app?: TemplatedApp;
}

export async function serve<Transport, Unset extends undefined>(
  sessions: Sessions<Data, Transport, Unset>,
  handlers: Handlers<Data, Transport, Unset> = {},
  { pattern = "/*", app = uWS.App(), ...options }: Setting = {},
): Promise<number> {
  bindSessions(app, pattern, sessions, handlers, options);
  const port = await listen(app);
  onTestFinished(async () => {
    await sessions.close();
    app.close();
  });
  return port;
}

export async function connect(port: number, path = "/", protocols: readonly string[] = []): Promise<Client> {
  const client = await Client.connect(`ws://127.0.0.1:${port}${path}`, { protocols });
  onTestFinished(() => client.socket.terminate());
  return client;
}

export const socketOf = (connection: { readonly socket: unknown }): WebSocket<object> =>
  connection.socket as WebSocket<object>;

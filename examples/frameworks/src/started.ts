import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { accept, createSessions, mapStore, reject } from "@wsession/core";
import type { Sessions } from "@wsession/core";
import uWS from "uWebSockets.js";
import type { TemplatedApp } from "uWebSockets.js";

/** A running program. */
export interface Started {
  readonly port: number;
  close(): Promise<unknown>;
}

export interface Visitor {
  readonly user: string;
  readonly clicks: number;
}

/**
 * Admits users by their query: `?user=ada`. An application checks a cookie or a token here. `admitMs` simulates the time for
 * that.
 */
export function sessionsOfUsers(
  admitMs = 0,
  onError?: (error: unknown) => void,
): Sessions<Visitor, unknown, never> {
  const userOf = (url: string) => new URL(url, "ws://localhost").searchParams.get("user") ?? undefined;
  return createSessions({
    store: mapStore(),
    admit: async ({ url }) => {
      await wait(admitMs);
      const subject = userOf(url);
      return subject === undefined ? reject(401) : accept({ subject });
    },
    initial: ({ url }): Visitor => ({ user: userOf(url) ?? "", clicks: 0 }),
    onError,
  });
}

/**
 * Node waits without a limit for a client whose request is not complete. This ends the connections that remain 2 s after the call.
 * Requests in progress have this time.
 */
export function limitClose(server: object): void {
  const endAll = () => {
    if ("closeAllConnections" in server && typeof server.closeAllConnections === "function")
      server.closeAllConnections();
  };
  setTimeout(endAll, 2_000).unref();
}

/** Listens on a free port. `close` ends the sessions first, and then the server. */
export async function listen(server: Server, sessions: { close(): Promise<void> }): Promise<Started> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    await sessions.close();
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  };
  return { port: (server.address() as AddressInfo).port, close };
}

/** The same for uWebSockets.js. */
export async function listenUws(app: TemplatedApp, sessions: { close(): Promise<void> }): Promise<Started> {
  const port = await new Promise<number>((resolve, reject) => {
    app.listen("127.0.0.1", 0, (token) => {
      if (token === false) reject(new Error("no port is free"));
      else resolve(uWS.us_socket_local_port(token));
    });
  });
  return { port, close: () => sessions.close().then(() => void app.close()) };
}

/** Servers whose handlers take a connection as a WebSocket, for the cases of `asWebSocket`. */
import { createSessions, mapStore } from "@wsession/core";
import type { Connection, Handlers } from "@wsession/core";
import { Journal } from "@wsession/conformance";
import type { AdapterServer, AdapterTrial } from "@wsession/conformance";
import type { WebSocket } from "ws";

type Data = { readonly name: string };
export type AsWebSocket = (connection: Connection) => WebSocket;

interface Setup {
  readonly server: AdapterServer;
  readonly journal: Journal;
  readonly errors: unknown[];
}

/** The journal of what reaches the socket's listeners. */
export function listen(socket: WebSocket, journal: Journal): void {
  socket.on("message", (data, isBinary) => journal.note(`${isBinary ? "bytes" : "text"} ${String(data)}`));
  socket.on("close", (code, reason) => journal.note(`close ${code} ${String(reason)}`));
}

export async function serve(
  trial: AdapterTrial,
  handlers: (journal: Journal) => Handlers<Data>,
  options: { readonly maxBufferedBytes?: number; readonly gate?: "session" | "open" } = {},
): Promise<Setup> {
  const journal = new Journal();
  const errors: unknown[] = [];
  const sessions = createSessions<Data>({
    ...options,
    store: mapStore(),
    onError: (error) => errors.push(error),
  });
  return { server: await trial.serve(sessions, handlers(journal)), journal, errors };
}

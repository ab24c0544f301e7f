import type { IncomingMessage } from "node:http";
import { bindSessions, transportOf } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import { connect, listen } from "./client.ts";

interface Tcp {
  readonly proxied: boolean;
  bytesAllowed: number;
}

// #region two-layers
const sessions = createSessions<{ user: string }, Tcp>({
  initial: () => ({ user: "ada" }),
  transport: (_handshake, found) => ({ proxied: found === "by the proxy", bytesAllowed: 1_000 }),
});
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  const observed: string[] = [];
  // Code that has the TCP socket before the upgrade may attach data for the connection.
  server.options.verifyClient = ({ req }: { readonly req: IncomingMessage }) => {
    transportOf(req.socket).data = "by the proxy";
    return true;
  };
  bindSessions(server, sessions, {
    // #region two-layers-use
    async message(conn, text) {
      conn.transport.data.bytesAllowed -= text.length; // the record of the layer below
      await conn.session.set({ user: String(text) }); // replaces the session's data; the record stays as it is
      conn.send(`${conn.session.data.user}, ${conn.transport.data.bytesAllowed} bytes left`);
    },
    // #endregion
    open: (conn) => void observed.push(`proxied: ${conn.transport.data.proxied}`),
  });
  const client = await connect(url);
  client.send("grace");
  const lines = [await client.next(), ...observed];
  await client.close();
  await sessions.close();
  server.close();
  return lines;
}

import { once } from "node:events";
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import { WebSocket } from "ws";
import { listen } from "../client.ts";
import { auction } from "./auction.ts";
import { overSocket } from "./over-socket.ts";

const sessions = createSessions({ initial: () => ({ bids: 0 }) });

async function serve() {
  const { server, url } = await listen();
  // #region server
  bindSessions(server, sessions, {
    open(conn) {
      auction.to(conn).closes({ at: "2027-01-01T12:00:00Z" });
    },
    ...auction.handlers(sessions, {
      async bid(conn, { lot, amount }) {
        await conn.session.update(({ bids }) => ({ bids: bids + 1 }));
        for (const other of sessions.connections) auction.to(other).highest({ lot, amount });
      },
    }),
  });
  // #endregion
  return { server, url };
}

export async function main(): Promise<string[]> {
  const { server, url } = await serve();
  const lines: string[] = [];
  const show = (line: string): void => void lines.push(line);
  const socket = new WebSocket(url);
  const client = overSocket(socket);
  // #region page
  const page = auction.client(client);
  page.on.closes(({ at }) => show(`closes in ${at.getUTCFullYear()}`));
  page.on.highest(({ lot, amount }) => show(`${lot} is at ${amount}`));
  page.onInvalid(({ name }) => show(`not understood: ${name}`));
  // #endregion
  await once(socket, "open");
  const reported = new Promise((resolve) => page.on.highest(resolve));
  // #region send
  await page.send.bid({ lot: "vase", amount: 40 });
  // #endregion
  await reported;
  await page.send.bid({ lot: "vase", amount: -1 }).catch((error: unknown) => show(String(error)));
  socket.close();
  await once(socket, "close");
  await sessions.close();
  server.close();
  return lines;
}

import { once } from "node:events";
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore } from "@wsession/core";
import { connect, listen } from "../client.ts";

const sessions = createSessions({ store: mapStore(), initial: () => ({ score: 0 }) });

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {});
  // #region shutdown
  /** Step 10: a shutdown closes the connections, and the clients reconnect to another process. */
  async function stop(): Promise<void> {
    await sessions.close({ drainMs: 200 });
    server.close();
    await once(server, "close");
  }
  // #endregion
  const clients = await Promise.all([connect(url), connect(url)]);
  await stop();
  const codes = await Promise.all(clients.map(({ closed }) => closed));
  return [codes.join(" and "), await connect(url).then(String, () => "no server listens")];
}

// Sessions that docs/telemetry.md watches.
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import { connect, listen } from "../client.ts";

export const sessions = createSessions({ initial: () => ({}) });

/** One message, while both listen. */
export async function main(): Promise<string[]> {
  const [channel, sdk] = await Promise.all([import("./telemetry-channel.ts"), import("./telemetry-sdk.ts")]);
  const { server, url } = await listen();
  bindSessions(server, sessions, { message: (conn, text) => void conn.send(text) });
  const client = await connect(url);
  client.send("heard");
  const lines = [await client.next()];
  channel.stop();
  sdk.stop();
  await client.close();
  await sessions.close();
  server.close();
  return lines;
}

// The code of docs/presence.md.
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { connect, listen } from "../client.ts";

/** A user logs in, and leaves by a logout. */
export async function main(redisUrl: string): Promise<string[]> {
  const client = new Redis(redisUrl);
  const absent: (string | undefined)[] = [];
  const markAbsent = (subject: string | undefined): void => void absent.push(subject);
  // #region left
  const sessions = createSessions({
    store: redisStore({ client, node: "web-1" }),
    leaveAfterMs: 10_000,
    events: { left: ({ subject }) => markAbsent(subject) },
  });
  // #endregion
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    async open(conn) {
      const session = await conn.setSession({});
      await session.identify("ada");
      conn.send("welcome");
    },
  });
  const page = await connect(url);
  await page.next();
  const lines: string[] = [(await sessions.presenceOfSubject("ada")).type];
  await sessions.destroySubject("ada");
  lines.push(`closed with ${await page.closed}`, `${absent.length} absent yet`);
  await sessions.close();
  server.close();
  await client.quit();
  return lines;
}

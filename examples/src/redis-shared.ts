import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, queryToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { connect, listen } from "./client.ts";

// #region redis-shared
/** Call this once in every process. All processes have the same sessions. */
function sessionsOn(client: Redis) {
  return createSessions({
    store: redisStore({ client }),
    token: queryToken(),
    initial: () => ({ score: 0 }),
  });
}
// #endregion

/** Two servers, as two processes would have them, on one Redis. */
export async function main(redisUrl: string): Promise<string[]> {
  const nodes = await Promise.all(
    [1, 2].map(async (number) => {
      const client = new Redis(redisUrl);
      const sessions = sessionsOn(client);
      const { server, url } = await listen();
      bindSessions(server, sessions, {
        open: (conn) => void conn.send(conn.token ?? `node ${number}: score ${conn.session.data.score}`),
        // #region redis-shared-use
        async message(conn) {
          // Atomic over all processes: no increment is lost, whichever process writes.
          await conn.session.update(({ score }) => ({ score: score + 1 }));
        },
        change(conn, { score }) {
          conn.send(`node ${number}: score ${score}`);
        },
        // #endregion
      });
      return { client, sessions, server, url };
    }),
  );
  const [one, two] = nodes;
  if (one === undefined || two === undefined) throw new Error("two nodes were asked for");
  const first = await connect(one.url);
  const token = await first.next();
  const second = await connect(`${two.url}?token=${token}`);
  const lines = [await second.next()];
  first.send("point");
  lines.push(await second.next());
  const id = token.slice(0, token.indexOf("."));
  await one.sessions.destroy(id, "the game is over");
  lines.push(`closed with ${await first.closed} and ${await second.closed}`);
  for (const node of nodes) {
    await node.sessions.close();
    node.server.close();
    await node.client.quit();
  }
  return lines;
}

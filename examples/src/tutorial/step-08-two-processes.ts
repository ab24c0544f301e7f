import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, queryToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { connect, listen } from "../client.ts";

// #region two-processes
/** Step 8: with this store every process has the same sessions. */
function sessionsOn(client: Redis) {
  return createSessions({
    store: redisStore({ client }),
    token: queryToken(),
    initial: () => ({ score: 0 }),
  });
}
// #endregion

async function start(redisUrl: string) {
  const client = new Redis(redisUrl);
  const sessions = sessionsOn(client);
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    open: (conn) => void conn.send(conn.token ?? `you have ${conn.session.data.score}`),
    async message(conn) {
      const { score } = await conn.session.update((data) => ({ score: data.score + 1 }));
      conn.send(`you have ${score}`);
    },
  });
  const stop = async () => {
    await sessions.close();
    server.close();
    await client.quit();
  };
  return { url, stop };
}

export async function main(redisUrl: string): Promise<string[]> {
  const [one, two] = await Promise.all([start(redisUrl), start(redisUrl)]);
  const first = await connect(one.url);
  const token = await first.next();
  first.send("point");
  const lines = [await first.next()];
  const second = await connect(`${two.url}?token=${token}`);
  lines.push(await second.next());
  await Promise.all([first.close(), second.close()]);
  await Promise.all([one.stop(), two.stop()]);
  return lines;
}

// One server of an application of several processes or threads, which share their sessions by Redis.
import { once } from "node:events";
import { createServer } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, queryToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";

/**
 * @param {string} redisUrl
 * @param {string} name of the process or thread
 * @param {number} port 0 for a free one
 */
export async function serve(redisUrl, name, port) {
  const client = new Redis(redisUrl);
  const store = redisStore({ client });
  const sessions = createSessions({ store, token: queryToken(), initial: () => ({ clicks: 0 }) });
  const server = createServer();
  bindSessions(new WebSocketServer({ server }), sessions, {
    open: (conn) => void conn.send(JSON.stringify({ name, token: conn.token })),
    async message(conn) {
      const { clicks } = await conn.session.update((data) => ({ clicks: data.clicks + 1 }));
      conn.send(`${clicks}`);
    },
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    await sessions.close();
    server.close();
    server.closeAllConnections();
    client.disconnect();
  };
  return { port: Number(Object(server.address()).port), close };
}

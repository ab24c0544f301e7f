// A message to a room reaches the members on each process. The session has the name of the room.
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { connect, listen } from "../client.ts";

/** Starts a server. Two of them are like two processes. */
async function startNode(redisUrl: string) {
  const client = new Redis(redisUrl);
  // #region room
  const sessions = createSessions({
    store: redisStore({ client }),
    initial: () => ({ room: "lobby" }),
  });

  /** Sends to the members of a room on all processes. */
  async function sendToRoom(room: string, text: string): Promise<void> {
    await client.publish(`room:${room}`, text);
  }

  const subscriber = client.duplicate();
  subscriber.on("pmessage", (_pattern: string, channel: string, text: string) => {
    for (const conn of sessions.connections)
      if (channel === `room:${conn.session.data.room}`) conn.send(text);
  });
  await subscriber.psubscribe("room:*");
  // #endregion
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region room-message
    async message(conn, text) {
      if (typeof text === "string" && text.startsWith("/join "))
        await conn.session.patch({ room: text.slice(6) });
      else await sendToRoom(conn.session.data.room, String(text));
    },
    // #endregion
  });
  const stop = async (): Promise<void> => {
    await sessions.close();
    server.close();
    await Promise.all([subscriber.quit(), client.quit()]);
  };
  return { url, stop };
}

export async function main(redisUrl: string): Promise<string[]> {
  const nodes = await Promise.all([startNode(redisUrl), startNode(redisUrl)]);
  const [ada, bob, cyd] = await Promise.all(
    [nodes[0].url, nodes[1].url, nodes[1].url].map((url) => connect(url)),
  );
  if (ada === undefined || bob === undefined || cyd === undefined) throw new Error("there are three clients");
  bob.send("/join garden");
  bob.send("bob is here");
  const lines = [`bob: ${await bob.next()}`];
  ada.send("tea in the lobby");
  lines.push(`ada: ${await ada.next()}`, `cyd: ${await cyd.next()}`);
  ada.send("/join garden");
  ada.send("ada is here");
  lines.push(`ada: ${await ada.next()}`, `bob: ${await bob.next()}`);
  await Promise.all([ada.close(), bob.close(), cyd.close()]);
  await Promise.all(nodes.map((node) => node.stop()));
  return lines;
}

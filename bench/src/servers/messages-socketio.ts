// Kept messages on Socket.IO: its connection state recovery keeps them on Redis Streams. Each client is a room, as in its documentation.
import { MESSAGE } from "../kit/load.ts";
import { listenHttp } from "./listen.ts";
import { recoveringServer } from "./recovering-socketio.ts";

const { http, server, client } = recoveringServer();
const AT_ONCE = 500;

listenHttp(http, {
  connections: () => ({ connections: server.of("/").sockets.size }),
  /** Sends this many messages, to all clients in turn. The messages are in the stream when it answers. */
  async send(argument: string) {
    const { messages }: { messages: number } = JSON.parse(argument);
    const rooms = [...server.of("/").sockets.keys()];
    for (let number = 0; number < messages; number += 1) {
      server.to(rooms[number % rooms.length] ?? "").emit("message", MESSAGE);
      if (number % AT_ONCE === AT_ONCE - 1) await client.ping();
    }
    await client.ping();
    return {};
  },
  async sendTo(argument: string) {
    const { id, messages }: { id: string; messages: number } = JSON.parse(argument);
    for (let number = 0; number < messages; number += 1) server.to(id).emit("message", MESSAGE);
    await client.ping();
    return {};
  },
});

// Messages that count once on Socket.IO, as in its documentation for clients with `retries`: the client gives each message an id,
// and the server handles an id that Redis does not have yet. Redis also has the state. Connection state recovery on Redis Streams
// keeps the answer for a client that is away.
import { listenHttp } from "./listen.ts";
import { recoveringServer } from "./recovering-socketio.ts";

const { http, server, client } = recoveringServer();
const KEPT_SECONDS = 300;

server.on("connection", (socket) => {
  const { id } = socket;
  socket.on("visit", async (messageId: string, acknowledge: () => void) => {
    const isNew = await client.set(`seen:${messageId}`, "1", "EX", KEPT_SECONDS, "NX");
    if (isNew !== null) {
      const visits = await client.hincrby(`state:${id}`, "visits", 1);
      server.to(id).emit("answer", `visit ${visits}`);
    }
    acknowledge();
  });
});

listenHttp(http);

// A process of the deploy bench on Socket.IO with connection state recovery. It appends the numbers of each user to a list in Redis.
// Arguments: the port of Redis, and the port to listen on.
import { recoveringServer } from "./recovering-socketio.ts";
import { serve } from "../kit/child.ts";

const { http, server, client } = recoveringServer();
const port = Number(process.argv[3]);
/** Time for the adapter to store the connections' states. */
const STORING_MS = 1_000;

server.on("connection", (socket) => {
  const user = String(socket.handshake.auth["user"]);
  void socket.join(user);
  socket.on("number", (number: number, done: () => void) => {
    void client.rpush(`numbers:${user}`, number).then(done);
  });
});
http.listen(port, "127.0.0.1", () => serve(port));
process.on("SIGTERM", () => {
  void server.close().then(() => setTimeout(() => process.exit(0), STORING_MS));
});

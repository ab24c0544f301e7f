// A resumed session on Socket.IO: the state of the socket, by connection state recovery.
import { sampleData } from "../kit/sample-data.ts";
import { listenHttp } from "./listen.ts";
import { recoveringServer } from "./recovering-socketio.ts";

const { http, server } = recoveringServer();
let newcomers = 0;
server.on("connection", (socket) => {
  if (!socket.recovered) socket.data = sampleData((newcomers += 1), false);
  socket.emit("greeting", { resumed: socket.recovered, visits: socket.data.visits });
});
listenHttp(http, { connections: () => ({ connections: server.of("/").sockets.size }) });

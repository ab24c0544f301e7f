import type { Server } from "node:http";
import uWS from "uWebSockets.js";
import { serve } from "../kit/child.ts";
import type { Questions } from "../kit/child.ts";

const HOST = "127.0.0.1";
/** Many clients use two addresses, because the kernel finds a free port slowly once half of the ports of one address are taken. */
const SECOND_HOST = "127.0.0.2";
const BACKLOG = 4096;

/** Listens on a free port, and answers the parent's questions from then on. */
export function listenHttp(http: Server, questions: Questions = {}): void {
  http.listen(0, HOST, BACKLOG, () => {
    const address = http.address();
    if (address === null || typeof address === "string") throw new Error("it does not listen on TCP");
    serve(address.port, questions);
  });
}

export function listenUws(app: uWS.TemplatedApp, questions: Questions = {}): void {
  app.listen(HOST, 0, (listening) => {
    if (listening === false) throw new Error("uWS can't listen");
    const port = uWS.us_socket_local_port(listening);
    app.listen(SECOND_HOST, port, () => serve(port, questions));
  });
}

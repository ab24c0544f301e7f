/** One port for the page and the WebSockets, on uWebSockets.js. */
import { bindSessions } from "@wsession/adapter-uws";
import uWS from "uWebSockets.js";
import type { HttpRequest, HttpResponse, ListenOptions, us_listen_socket } from "uWebSockets.js";
import { handlers } from "./handlers.ts";
import type { AppSessions } from "./sessions.ts";

const MAX_BODY_BYTES = 16 * 1024;
/** `uWS.LIBUS_LISTEN_EXCLUSIVE_PORT`, which the runtime's types lack. Without it, two programs could listen on one port. */
const EXCLUSIVE_PORT: ListenOptions = 1;

type Routes = (request: Request) => Promise<Response>;

export async function listen(port: number, routes: Routes, sessions: AppSessions) {
  const app = uWS.App();
  bindSessions(app, "/live", sessions, handlers);
  app.any("/*", (outgoing, incoming) => {
    void answer(outgoing, incoming, routes);
  });
  const socket = await new Promise<us_listen_socket>((resolve, reject) => {
    app.listen(port, EXCLUSIVE_PORT, (opened) => {
      if (opened) resolve(opened);
      else reject(new Error(`port ${port} is in use`));
    });
  });
  return {
    port: uWS.us_socket_local_port(socket),
    async close(): Promise<void> {
      app.close();
    },
  };
}

async function answer(outgoing: HttpResponse, incoming: HttpRequest, routes: Routes): Promise<void> {
  let isGone = false;
  outgoing.onAborted(() => {
    isGone = true;
  });
  try {
    // The request is valid until the first await, so it is read before that.
    const head = readHead(incoming);
    const { method } = head;
    const body = method === "GET" || method === "HEAD" ? null : await readBody(outgoing);
    const response = await routes(new Request(head.url, { method, headers: head.headers, body }));
    const bytes = await response.arrayBuffer();
    if (isGone) return;
    outgoing.cork(() => {
      outgoing.writeStatus(`${response.status} ${response.statusText}`.trim());
      for (const [name, value] of response.headers) outgoing.writeHeader(name, value);
      outgoing.end(bytes);
    });
  } catch (error) {
    console.error(error);
    if (!isGone) outgoing.cork(() => outgoing.writeStatus("500").end());
  }
}

function readHead(incoming: HttpRequest) {
  const headers = new Headers();
  incoming.forEach((name, value) => headers.append(name, value));
  const query = incoming.getQuery();
  const url = new URL(`${incoming.getUrl()}${query ? `?${query}` : ""}`, "http://localhost");
  return { url, headers, method: incoming.getCaseSensitiveMethod().toUpperCase() };
}

async function readBody(outgoing: HttpResponse): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    outgoing.onData((chunk, isLast) => {
      bytes += chunk.byteLength;
      if (bytes > MAX_BODY_BYTES) return reject(new Error("the body of a request is too long"));
      // The runtime reuses the memory of a chunk, so the chunk is copied.
      chunks.push(Buffer.from(chunk.slice(0)));
      if (isLast) resolve(Buffer.concat(chunks).toString());
    });
  });
}

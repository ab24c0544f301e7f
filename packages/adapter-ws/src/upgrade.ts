import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { invalidArgument } from "@wsession/core/runtime";
import type { WebSocketServer } from "ws";
import { rememberMethods } from "./replaced-methods.ts";

/**
 * Answers 500 where ws would throw before any hook runs: for a request that HTTP code has modified, or for a request without a
 * socket, which test clients of frameworks create. Otherwise the error would reach the `upgrade` event of the HTTP server and end
 * the process, or the client would wait for ever. Returns a function that restores `handleUpgrade`.
 */
export function guardUpgrade(server: WebSocketServer, report: (error: unknown) => void): () => void {
  const restore = rememberMethods(server, "handleUpgrade");
  const upgrade = server.handleUpgrade.bind(server);
  server.handleUpgrade = (request, socket, head, callback) => {
    try {
      if (!hasSocket(request))
        throw invalidArgument("the request must come from a server, because it needs a socket");
      upgrade(request, socket, head, callback);
    } catch (error) {
      report(error);
      refuse(socket);
    }
  };
  return restore;
}

function hasSocket(request: { readonly socket?: IncomingMessage["socket"] | null }): boolean {
  return typeof request.socket === "object" && request.socket !== null;
}

function refuse(socket: Duplex): void {
  const body = "internal error";
  socket.on("error", () => socket.destroy());
  socket.once("finish", () => socket.destroy());
  socket.end(
    [
      "HTTP/1.1 500 Internal Server Error",
      "Connection: close",
      "Content-Type: text/plain; charset=utf-8",
      `Content-Length: ${body.length}`,
      "",
      body,
    ].join("\r\n"),
  );
}

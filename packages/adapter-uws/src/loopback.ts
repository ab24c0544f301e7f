/** Requests of this process to itself, over 127.0.0.1. */
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t } from "uWebSockets.js";

/**
 * The time limit for a request to arrive: ten ticks of 100 ms. A stall of the process counts as one tick, however long the stall is. A single
 * timer of one second would fire right after a stall, before the runtime has read the request.
 */
const ARRIVES_IN_TICKS = 10;
const TICK_MS = 100;
const HOST = "127.0.0.1";

/** A request that this process sent and received. Nobody has answered it. */
export interface OwnRequest {
  readonly response: HttpResponse;
  readonly client: Socket;
  /** Upgrades the connection. `ended` is called when the WebSocket ends. */
  readonly upgrade: (ended: () => void) => void;
}

interface Expected {
  /** The client is gone, or the answer was sent. */
  readonly gone: () => void;
  readonly arrived: (response: HttpResponse, key: string, context: us_socket_context_t | undefined) => void;
}

interface Ending {
  readonly ended: () => void;
}

type Runtime = typeof import("uWebSockets.js");

let app: { readonly runtime: Runtime; readonly listener: TemplatedApp } | undefined;
/**
 * By the secret paths of the expected requests. The paths are secret because another process on this machine may connect to the port
 * first.
 */
const expected = new Map<string, Expected>();

/**
 * Sends a request with these header fields, and resolves when it arrives. The port listens only until then. `gone` is called when its
 * client is gone.
 *
 * @throws if the runtime can't be imported by the name `uWebSockets.js`, if listening is not allowed, or if the request does not arrive.
 */
export async function requestSelf(fields: readonly string[], gone: () => void): Promise<OwnRequest> {
  app ??= await start();
  return send(app.runtime, app.listener, fields, gone);
}

async function start() {
  // oxlint-disable-next-line eslint/no-restricted-imports -- loaded where it is needed, and done without where it is not there
  const { default: runtime } = await import("uWebSockets.js");
  const receive = (response: HttpResponse, request: HttpRequest, context?: us_socket_context_t) => {
    const sent = expected.get(request.getUrl());
    if (sent === undefined) response.close();
    else {
      response.onAborted(sent.gone);
      sent.arrived(response, request.getHeader("sec-websocket-key"), context);
    }
  };
  const listener = runtime
    .App()
    .any("/*", (response, request) => receive(response, request))
    .ws<Ending>("/*", { upgrade: receive, close: (socket) => socket.getUserData().ended() });
  return { runtime, listener };
}

function send(
  runtime: Runtime,
  listener: TemplatedApp,
  fields: readonly string[],
  gone: () => void,
): Promise<OwnRequest> {
  return new Promise((resolve, reject) => {
    const path = `/${randomBytes(18).toString("base64url")}`;
    listener.listen(HOST, 0, (token) => {
      if (token === false) return reject(new Error("the process can't listen on the loopback address"));
      const client = connect(runtime.us_socket_local_port(token), HOST);
      const settled = () => {
        clearInterval(ticking);
        if (expected.delete(path)) runtime.us_listen_socket_close(token);
      };
      let ticks = 0;
      const ticking = setInterval(() => {
        ticks += 1;
        if (ticks === ARRIVES_IN_TICKS) client.destroy();
      }, TICK_MS);
      client.unref();
      client.on("error", () => undefined);
      client.once("close", () => {
        settled();
        reject(new Error("the connection to this process failed"));
      });
      expected.set(path, {
        gone,
        arrived(response, key, context) {
          settled();
          const upgrade = (ended: () => void) => {
            if (context === undefined) throw new Error("the request does not ask for an upgrade");
            response.upgrade<Ending>({ ended }, key, "", "", context);
          };
          resolve({ response, client, upgrade });
        },
      });
      client.write(
        `GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`,
      );
    });
  });
}

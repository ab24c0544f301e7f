import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { HttpResponse, TemplatedApp } from "uWebSockets.js";

/** How long an unused companion is kept, in milliseconds. It keeps the process alive meanwhile. */
const KEPT_MS = 1_000;
/** The time limit for creating a companion, in milliseconds. */
const CREATION_MS = 1_000;
const HOST = "127.0.0.1";

/** An HTTP request from this process to itself that stays unanswered, so that its response can be corked. */
interface Companion {
  readonly response: HttpResponse;
  readonly client: Socket;
}

type Runtime = typeof import("uWebSockets.js");

let app: { readonly runtime: Runtime; readonly listener: TemplatedApp } | undefined;
/**
 * The secret path of the expected request. It is needed because another process on this machine may connect
 * to the port first.
 */
let expected: { readonly path: string; readonly arrived: (response: HttpResponse) => void } | undefined;
let current: Companion | undefined;
let making: Promise<Companion | undefined> | undefined;
let idle: NodeJS.Timeout | undefined;

/**
 * Returns this thread's companion, and creates it if necessary. `undefined` if it cannot be created, or if it
 * belongs to another copy of the runtime than `response`, which does not share this copy's corks.
 */
export async function companionOf(response: HttpResponse): Promise<HttpResponse | undefined> {
  const companion = current ?? (await (making ??= make()));
  if (companion === undefined || !isSameCopy(companion.response, response)) return undefined;
  keepForAWhile();
  return companion.response;
}

function keepForAWhile(): void {
  clearTimeout(idle);
  idle = setTimeout(() => current?.client.destroy(), KEPT_MS);
  idle.unref();
}

async function make(): Promise<Companion | undefined> {
  try {
    app ??= await start();
    return (current = await ask(app.runtime, app.listener));
  } catch {
    // The runtime cannot be imported by this name, or listening is not allowed: the caller works without a
    // companion.
    return undefined;
  } finally {
    making = undefined;
    if (current !== undefined) keepForAWhile();
  }
}

async function start() {
  // oxlint-disable-next-line eslint/no-restricted-imports -- loaded where it is needed, and done without where it is not there
  const { default: runtime } = await import("uWebSockets.js");
  const listener = runtime.App().any("/*", (response, request) => {
    if (expected === undefined || request.getUrl() !== expected.path) response.close();
    else {
      response.onAborted(() => {
        current = undefined;
      });
      expected.arrived(response);
    }
  });
  return { runtime, listener };
}

/** Listens only until this process has connected to itself. */
function ask(runtime: Runtime, listener: TemplatedApp): Promise<Companion> {
  return new Promise((resolve, reject) => {
    const path = `/${randomBytes(18).toString("base64url")}`;
    listener.listen(HOST, 0, (token) => {
      if (token === false) return reject(new Error("the process can't listen on the loopback address"));
      const client = connect(runtime.us_socket_local_port(token), HOST);
      const settled = () => {
        expected = undefined;
        clearTimeout(late);
        runtime.us_listen_socket_close(token);
      };
      const late = setTimeout(
        () => client.destroy(new Error("the companion connection did not open in time")),
        CREATION_MS,
      );
      client.unref();
      client.on("error", () => undefined);
      client.once("close", () => {
        if (expected?.path === path) settled();
        reject(new Error("the companion connection failed"));
      });
      expected = {
        path,
        arrived(response) {
          settled();
          resolve({ response, client });
        },
      };
      client.write(`GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    });
  });
}

/**
 * Whether two responses are from the same copy of the runtime. Responses of one copy share a prototype,
 * except those of an SSLApp; for these, only one copy may be loaded.
 */
function isSameCopy(one: HttpResponse, other: HttpResponse): boolean {
  if (Object.getPrototypeOf(one) === Object.getPrototypeOf(other)) return true;
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  return (
    other.constructor.name === "uWS.SSLHttpResponse" &&
    loaded.filter((file) => /uws_[^/\\]*\.node$/.test(file)).length === 1
  );
}

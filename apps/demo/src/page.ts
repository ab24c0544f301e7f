/** Serves the page: its files, and the list of servers. */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { extname } from "node:path";
import { listenFailure } from "./failure.ts";
import type { DemoDescription, Endpoint } from "./messages.ts";
import type { Overview } from "./operator/contract.ts";
import { PLAIN_PATH } from "./plain.ts";
import { SOCKET_PATH } from "./server-ws.ts";
import { ABSOLUTE_MS, IDLE_MS } from "./session.ts";

/** Listen on loopback only, because a visitor may kill processes and destroy sessions. */
export const HOST = "127.0.0.1";
const HOST_NAMES = ["localhost", HOST] as const;

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

const PAGES = new Map([
  ["/", "/index.html"],
  ["/operator", "/operator.html"],
]);

/** The folder is next to both src and dist. */
const FOLDER = new URL("../page/", import.meta.url);
/** The bundles that the build made for the page. */
const BUNDLES = new URL("../dist/page/", import.meta.url);

export function origins(port: number): string[] {
  return HOST_NAMES.map((name) => `http://${name}:${port}`);
}

export async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, HOST);
  try {
    await once(server, "listening");
  } catch (error) {
    throw listenFailure(port, error);
  }
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

/** Answers a request of a path that isn't a file. Returns whether it did. */
export type MoreRoutes = (path: string, request: IncomingMessage, response: ServerResponse) => boolean;

export interface Operating {
  readonly routes: MoreRoutes;
  /** What the operator's page shows first. */
  readonly overview: (request: IncomingMessage) => Overview | undefined;
}

export function pageServer(
  store: "map" | "redis",
  endpoints: () => readonly Endpoint[],
  operating?: Operating,
): Server {
  const files = readFiles();
  const serve: RequestListener = (request, response) => {
    const [path = "/"] = (request.url ?? "/").split("?", 1);
    response.setHeader("cache-control", "no-store");
    response.setHeader("x-content-type-options", "nosniff");
    if (operating?.routes(path, request, response) === true) return;
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
    } else if (path === "/demo.json") {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(describe(store, endpoints())));
    } else {
      const file = files.get(PAGES.get(path) ?? path);
      if (file === undefined) {
        response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("Not found.\n");
        return;
      }
      response.setHeader("content-type", file.type);
      if (!PAGES.has(path)) return void response.end(file.body);
      response.setHeader("content-security-policy", policy(endpoints()));
      const given = path === "/" ? describe(store, endpoints()) : operating?.overview(request);
      response.end(withGiven(file.body.toString(), given));
    }
  };
  return createServer(serve);
}

function readFiles(): ReadonlyMap<string, { readonly type: string; readonly body: Buffer }> {
  const files = new Map<string, { readonly type: string; readonly body: Buffer }>();
  // A bundle replaces the source of the same name.
  for (const folder of [FOLDER, BUNDLES]) {
    for (const name of readdirSync(folder)) {
      const type = TYPES[extname(name)];
      if (type !== undefined) files.set(`/${name}`, { type, body: readFileSync(new URL(name, folder)) });
    }
  }
  return files;
}

/** Writes `given` into a page, because a page that fetched it would move what it had drawn before. */
function withGiven(page: string, given: unknown): string {
  if (given === undefined) return page;
  // A text in the data could end the script element.
  const text = JSON.stringify(given).replaceAll("<", String.raw`\u003c`);
  return page.replace(/(?<= id="given">)/, () => text);
}

function describe(store: "map" | "redis", endpoints: readonly Endpoint[]): DemoDescription {
  const paths = { path: SOCKET_PATH, plainPath: PLAIN_PATH };
  return { store, endpoints, ...paths, idleMs: IDLE_MS, absoluteMs: ABSOLUTE_MS };
}

/** Allows nothing from other hosts, and sockets to the demo's own servers only. */
function policy(endpoints: readonly Endpoint[]): string {
  const sockets = HOST_NAMES.flatMap((name) => endpoints.map(({ port }) => `ws://${name}:${port}`));
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ${sockets.join(" ")}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

// Peers on Bun that answer nothing, with a heartbeat of 8 s. Prints one JSON object: the runtime, how many were ended, and what went wrong.
import { bindSessions } from "@wsession/adapter-bun";
import type { BunServer, BunWebSocketHandler } from "@wsession/adapter-bun";
import { createSessions } from "@wsession/core";
import { deferred } from "../../packages/conformance/src/waiting.ts";
import { once } from "node:events";
import { connect } from "node:net";
import process from "node:process";
import { runtimeName } from "./runtime-name.mjs";

/** The part of Bun's global that this program uses. */
declare const Bun: {
  serve(options: {
    readonly port: number;
    readonly hostname: string;
    readonly fetch: (request: Request, server: BunServer) => Promise<Response | undefined>;
    readonly websocket: BunWebSocketHandler;
  }): { readonly port: number };
};

/** From this time on, an earlier release left silent peers to the timeout of Bun, which each ping restarts. */
const HEARTBEAT_MS = 8_000;
/** A busy machine skips heartbeats. */
const LIMIT_MS = 8 * HEARTBEAT_MS;
const PEERS = 3;
const TICK_MS = 500;

const sessions = createSessions({ initial: () => ({ n: 0 }), heartbeatMs: HEARTBEAT_MS });
const ends: string[] = [];
const { promise: over, resolve } = deferred<undefined>();
const { fetch, websocket } = bindSessions(sessions, {
  open(connection, { url }) {
    if (url !== "/ticks") return;
    const ticks = setInterval(() => connection.send("tick"), TICK_MS);
    void connection.closed.then(() => clearInterval(ticks));
  },
  close(_, { code, by }) {
    ends.push(`${code} ${by}`);
    if (ends.length === PEERS) resolve(undefined);
  },
});
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch, websocket });

/** A peer that shakes hands, and then answers nothing. */
async function silentPeer(path: string, reads: boolean): Promise<void> {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => undefined);
  const lines = [
    `GET ${path} HTTP/1.1`,
    "Host: localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  await once(socket, "data");
  if (reads) socket.resume();
  else socket.pause();
}

await Promise.all([silentPeer("/", true), silentPeer("/ticks", true), silentPeer("/ticks", false)]);
const timer = setTimeout(() => resolve(undefined), LIMIT_MS);
await over;
clearTimeout(timer);
const wrong = [
  ...ends.filter((end) => end !== "1006 heartbeat"),
  ...Array(PEERS - ends.length).fill("still open"),
];
const failures = wrong.map((reason) => ({ name: "a silent peer", reason }));
const result = { runtime: runtimeName(), passed: PEERS - failures.length, failures };
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));

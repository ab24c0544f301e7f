/** The programs of the packages' READMEs. Each runs as it is on the page, with other ports and addresses. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { Server } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { metrics } from "@opentelemetry/api";
import { createSessions, mapStore } from "@wsession/core";
import { bindSessions } from "@wsession/adapter-ws";
import uWS from "uWebSockets.js";
import type { us_listen_socket } from "uWebSockets.js";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import { connect, portOf } from "../src/client.ts";

const folder = join(import.meta.dirname, "..", "dist", "readmes");
const bun = process.env["WSESSION_BUN"];

/** What a program has printed, and the servers that it has opened. */
const printed: string[] = [];
const servers: Server[] = [];

beforeEach(() => {
  const listen = Server.prototype.listen;
  vi.spyOn(Server.prototype, "listen").mockImplementation(function record(this: Server, ...args) {
    servers.push(this);
    return listen.apply(this, args);
  });
  vi.spyOn(console, "log").mockImplementation((...values: unknown[]) => void printed.push(values.join(" ")));
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const server of servers.splice(0)) server.close();
  printed.length = 0;
});

/** What the programs export, beyond what the README shows. */
interface Exports {
  readonly app: { close(): void };
  readonly auction: object;
  readonly client: { close(): Promise<void>; quit(): Promise<unknown> };
  readonly exporter: { shutdown(): Promise<void> };
  readonly listening: unknown;
  readonly sessions: { close(): Promise<void> };
  readonly shown: readonly string[];
  stop(): void;
}

/** Runs a program, and resolves with what it exports. Each replacement must change it. */
async function run(name: string, replacements: Readonly<Record<string, string>> = {}, end = "") {
  const file = join(folder, `running-${name}.js`);
  await writeFile(file, (await changed(name, replacements)) + end);
  return import(file) as Promise<Exports>;
}

async function changed(name: string, replacements: Readonly<Record<string, string>>): Promise<string> {
  let text = await readFile(join(folder, `${name}.js`), "utf8");
  for (const [from, to] of Object.entries(replacements)) {
    expect(text).toContain(from);
    text = text.replace(from, to);
  }
  return text;
}

/** The port of the one server that the program has opened. */
async function port(): Promise<number> {
  const [server] = servers;
  if (server === undefined) throw new Error("the program has opened no server");
  if (!server.listening) await once(server, "listening");
  return portOf(server);
}

async function visitTwice(at: number): Promise<string[]> {
  const client = await connect(`ws://127.0.0.1:${at}/`);
  client.send("hello");
  client.send("again");
  const lines = [await client.next(), await client.next()];
  await client.close();
  return lines;
}

test("core: a session is created, changed, found by its user and ended", async () => {
  const { sessions } = await run("core");
  await sessions.close();
  expect(printed).toEqual(["true 1", "[object Object]"]);
});

test("adapter-ws: the visits of a connection are counted", async () => {
  const { sessions } = await run("adapter-ws", { "port: 8080": "port: 0" });
  expect(await visitTwice(await port())).toEqual(["visit 1: hello", "visit 2: again"]);
  await sessions.close();
});

test("adapter-uws: the visits of a connection are counted", async () => {
  const { app, sessions, listening } = await run(
    "adapter-uws",
    { "(8080, (socket) => {": "(0, (socket) => { globalThis.readmeSocket = socket;" },
    "\nexport const listening = globalThis.readmeSocket;",
  );
  const at = uWS.us_socket_local_port(listening as us_listen_socket);
  expect(await visitTwice(at)).toEqual(["visit 1: hello", "visit 2: again"]);
  await sessions.close();
  app.close();
});

test.skipIf(bun === undefined)("adapter-bun: the visits of a connection are counted", async () => {
  const file = join(folder, "running-adapter-bun.js");
  const text = await changed("adapter-bun", {
    "Bun.serve({ port: 8080": "const served = Bun.serve({ port: 0",
  });
  await writeFile(file, `${text}\nconsole.log(served.port);`);
  const child = spawn(bun!, [file], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  const [line] = await once(createInterface(child.stdout), "line");
  expect(await visitTwice(Number(line))).toEqual(["visit 1: hello", "visit 2: again"]);
});

test("client: a page sends a bid that the server has handled, and shows an answer", async () => {
  const sessions = createSessions({ store: mapStore(), initial: () => ({}) });
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  bindSessions(server, sessions, { message: (conn, text) => void conn.send(`heard ${String(text)}`) });
  // Node.js 20 has none; a page has.
  vi.stubGlobal("WebSocket", WebSocket);
  onTestFinished(() => void vi.unstubAllGlobals());
  const { client, shown } = await run("client", {
    "wss://app.example.com/live": `ws://127.0.0.1:${await port()}/`,
  });
  await expect.poll(() => shown).toContain('heard {"bid":40}');
  expect(shown).toContain("live");
  await client.close();
  await sessions.close();
});

test("store-redis: two changes of one session are both kept", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const { client, sessions } = await run("store-redis", {
    "redis://localhost:6379": `redis://${redis.host}:${redis.port}`,
    // On a busy machine the first connection may take longer than the default of two seconds.
    "redisStore({ client })": "redisStore({ client, timeoutMs: 30_000 })",
  });
  expect(printed).toEqual(["2"]);
  await sessions.close();
  await client.quit();
});

test("http: a login sets the cookie by which the next request has the session", async () => {
  const { sessions } = await run("http", { "listen(8080)": 'listen(0, "127.0.0.1")' });
  const url = `http://127.0.0.1:${await port()}`;
  const login = await fetch(`${url}/login`, { method: "POST", headers: { origin: url } });
  const cookie = login.headers.getSetCookie().map((one) => one.split(";")[0]);
  const me = await fetch(`${url}/me`, { headers: { cookie: cookie.join("; "), connection: "close" } });
  expect(await me.json()).toEqual({ user: "ada" });
  await sessions.close();
});

test("protocol: frames are written and read, and messages have types", async () => {
  const { auction } = await run("protocol");
  expect(printed).toEqual(["=a bid of 40 hello", "[object Object]"]);
  expect(auction).toBeDefined();
});

test("opentelemetry: Prometheus reads the counters of the sessions", async () => {
  const { exporter, sessions, stop } = await run("opentelemetry", {
    "port: 9464": 'port: 0, host: "127.0.0.1"',
  });
  const answer = await fetch(`http://127.0.0.1:${await port()}/metrics`, {
    headers: { connection: "close" },
  });
  expect(await answer.text()).toMatch(/^wsession_/m);
  stop();
  metrics.disable();
  await exporter.shutdown();
  await sessions.close();
});

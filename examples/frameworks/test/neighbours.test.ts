import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import websocket from "@fastify/websocket";
import { bindSessions } from "@wsession/adapter-ws";
import fastify from "fastify";
import { Server } from "socket.io";
import { io as connectSocketIo } from "socket.io-client";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { start as startCrosswsServer } from "../src/crossws-server.ts";
import { start as startCrossws } from "../src/crossws.ts";
import { start as startSocketIo } from "../src/socket-io.ts";
import { listen, sessionsOfUsers } from "../src/started.ts";
import { serveBeside } from "../src/upgrades.ts";
import { start as startVite } from "../src/vite.ts";
import { connect, refused, running } from "./support.ts";

test.each([
  ["on a server of Node", startCrossws],
  ["with its own server", startCrosswsServer],
])("crossws %s: its hooks have the session of a peer, and a stranger gets 401", async (_, start) => {
  const { port } = await running(start);
  const client = await connect(`ws://127.0.0.1:${port}/?user=ada`);
  client.socket.send("one");
  client.socket.send("two");
  expect(await client.next(2)).toEqual(["ada: one 1", "ada: two 2"]);
  expect(await refused(`ws://127.0.0.1:${port}/`)).toBe(401);
});

test("Socket.IO beside wsession on one HTTP server: both are served, and an unknown path gets 404", async () => {
  const { port } = await running(startSocketIo);
  const client = await connect(`ws://127.0.0.1:${port}/socket?user=ada`);
  const socketIo = connectSocketIo(`http://127.0.0.1:${port}`, {
    transports: ["websocket"],
    reconnection: false,
  });
  onTestFinished(() => void socketIo.close());
  const echoed = new Promise((resolve) => {
    socketIo.on("echo", resolve);
  });
  socketIo.emit("echo", "hello");
  client.socket.send("hello");
  expect(await echoed).toBe("socket.io: hello");
  expect(await client.next(1)).toEqual(["ada: hello"]);
  expect(await refused(`ws://127.0.0.1:${port}/elsewhere`)).toBe(404);
});

test("@fastify/websocket beside a listener of one's own: its 404 is the answer, and wsession leaves the socket to it", async () => {
  const reports: string[] = [];
  const sessions = sessionsOfUsers(100, (error) => reports.push(String(error)));
  const app = fastify();
  await app.register(websocket);
  app.get("/chat", { websocket: true }, (socket) => socket.send("from Fastify"));
  await app.listen({ port: 0, host: "127.0.0.1" });
  onTestFinished(async () => {
    await sessions.close();
    await app.close();
  });
  serveBeside(app.server, sessions, () => false);
  const [{ port }] = app.addresses() as [AddressInfo];
  expect(await refused(`ws://127.0.0.1:${port}/socket?user=ada`)).toBe(404);
});

test("Socket.IO and wsession answer one handshake: the client of Socket.IO stays connected, and onError gets a report", async () => {
  const reports: string[] = [];
  const sessions = sessionsOfUsers(100, (error) => reports.push(String(error)));
  const server = createServer();
  const io = new Server(server);
  io.on("connection", (socket) => socket.on("echo", (text: string) => socket.emit("echo", text)));
  const wss = new WebSocketServer({ noServer: true });
  bindSessions(wss, sessions, {});
  server.on("upgrade", (request, socket, head) => wss.handleUpgrade(request, socket, head, () => undefined));
  const { port } = await listen(server, sessions);
  onTestFinished(async () => {
    await io.close();
    await sessions.close();
  });
  const client = connectSocketIo(`http://127.0.0.1:${port}`, {
    transports: ["websocket"],
    reconnection: false,
    query: { user: "ada" },
  });
  onTestFinished(() => void client.close());
  await expect.poll(() => reports).toEqual([expect.stringContaining("another upgrade listener")]);
  const echoed = new Promise((resolve) => void client.on("echo", resolve));
  client.emit("echo", "hello");
  expect(await echoed).toBe("hello");
});

test("Socket.IO: a login that takes longer than a second needs destroyUpgrade: false", async () => {
  const [kind, hasty] = await Promise.all([
    running(() => startSocketIo(false, 1_300)),
    running(() => startSocketIo(true, 1_300)),
  ]);
  const outcome = async (port: number) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket?user=ada`);
    onTestFinished(() => socket.terminate());
    return Promise.race([
      once(socket, "open").then(
        () => "open",
        () => "ended",
      ),
      once(socket, "error").then(() => "ended"),
    ]);
  };
  expect(await Promise.all([outcome(kind.port), outcome(hasty.port)])).toEqual(["open", "ended"]);
});

test("Vite 8: the HMR socket and the application's sockets share one HTTP server", async () => {
  const root = await mkdtemp(join(tmpdir(), "wsession-vite-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const { port, vite, close } = await startVite(root);
  onTestFinished(async () => void (await close()));
  const client = await connect(`ws://127.0.0.1:${port}/socket?user=ada`);
  const hmr = new WebSocket(`ws://127.0.0.1:${port}/?token=${vite.config.webSocketToken}`, "vite-hmr");
  onTestFinished(() => hmr.terminate());
  const [connected] = await once(hmr, "message");
  expect(JSON.parse(String(connected))).toMatchObject({ type: "connected" });
  const reload = once(hmr, "message");
  vite.ws.send({ type: "full-reload" });
  expect(JSON.parse(String((await reload)[0]))).toMatchObject({ type: "full-reload" });
  client.socket.send("hello");
  expect(await client.next(1)).toEqual(["ada: hello"]);
  expect(await refused(`ws://127.0.0.1:${port}/elsewhere`)).toBe(404);
});

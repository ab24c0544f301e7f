import { once } from "node:events";
import { Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { build } from "../src/fastify.ts";
import { start as startHono } from "../src/hono.ts";
import { start as startNest } from "../src/nest.ts";
import { connect, refused, running, unfinished } from "./support.ts";

async function startFastify() {
  const app = await build();
  await app.listen({ port: 0, host: "127.0.0.1" });
  const [{ port }] = app.addresses() as [AddressInfo];
  return { port, close: () => app.close() };
}

test("Fastify 5 with @fastify/websocket: a route has the session, and a stranger gets 401", async () => {
  const app = await build();
  await app.listen({ port: 0, host: "127.0.0.1" });
  const [{ port }] = app.addresses() as [AddressInfo];
  const client = await connect(`ws://127.0.0.1:${port}/chat?user=ada`);
  client.socket.send("hello");
  expect(await client.next(1)).toEqual(["ada: hello"]);
  expect(await refused(`ws://127.0.0.1:${port}/chat`)).toBe(401);
  await app.close();
  expect(await client.closed).toBe(1012);
});

test("Fastify 5: injectWS reaches the route without a port, if the request is given a socket", async () => {
  const app = await build();
  onTestFinished(() => app.close());
  await app.ready();
  const client = await app.injectWS("/chat?user=ada", { socket: new Socket() } as never);
  client.send("hello");
  const [text] = await once(client, "message");
  expect(String(text)).toBe("ada: hello");
  client.terminate();
});

test("Fastify 5: injectWS without a socket is answered with 500, is reported, and does not wait", async () => {
  const reports: string[] = [];
  const app = await build((error) => reports.push(String(error)));
  onTestFinished(() => app.close());
  await app.ready();
  await expect(app.injectWS("/chat?user=ada")).rejects.toThrow("500");
  expect(reports).toEqual([expect.stringContaining("it needs a socket")]);
  await expect(app.injectWS("/chat", { socket: new Socket() } as never)).rejects.toThrow("401");
});

test("Hono on node-server: onMessage has the session, HTTP works, and a stranger gets 401", async () => {
  const { port } = await running(startHono);
  const client = await connect(`ws://127.0.0.1:${port}/chat?user=ada`);
  client.socket.send("hello");
  expect(await client.next(1)).toEqual(["ada: hello"]);
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("hello");
  expect(await refused(`ws://127.0.0.1:${port}/chat`)).toBe(401);
});

test("NestJS 11: a handler of a gateway gets the session as a parameter; close() ends in spite of half requests", async () => {
  const { port, close } = await startNest();
  const client = await connect(`ws://127.0.0.1:${port}/socket?user=ada`);
  for (const by of [1, 2]) client.socket.send(JSON.stringify({ event: "click", data: by }));
  const answers = await client.next(2);
  expect(answers.map((text) => JSON.parse(text).data)).toEqual(["ada: 1", "ada: 3"]);
  expect(await refused(`ws://127.0.0.1:${port}/socket`)).toBe(401);
  await expectClosing(port, close);
});

test.each([
  ["Fastify 5", startFastify],
  ["Hono", startHono],
])("%s: close() ends in spite of half requests", async (_, start) => {
  const { port, close } = await start();
  await expectClosing(port, close);
});

/** The server closes, though clients have sent nothing, half a handshake, and half a body. */
async function expectClosing(port: number, close: () => Promise<unknown>) {
  const handshake = "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n";
  const body = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf";
  const sockets = await Promise.all(["", handshake, body].map((sent) => unfinished(port, sent)));
  const closed = Promise.all(sockets.map((socket) => once(socket, "close")));
  // The server has answered, so it has begun to read the other connections.
  await fetch(`http://127.0.0.1:${port}/`);
  await close();
  await closed;
}

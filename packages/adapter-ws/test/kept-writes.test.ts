import type { Socket } from "node:net";
import { bindSessions } from "@wsession/adapter-ws";
import { Client, deferred } from "@wsession/conformance";
import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { Session } from "@wsession/core";
import { parseKept, writeAttach, writePlain } from "@wsession/protocol";
import { expect, onTestFinished, test, vi } from "vitest";
import type { WebSocket } from "ws";
import { closeAll, ways } from "./servers.ts";

const ATTACH = writeAttach({
  client: "AAAAAAAAAAAAAAAA",
  session: undefined,
  from: 1,
  known: 0,
  mark: 0,
  at: undefined,
  witness: undefined,
  fresh: true,
});

/** The session of a client of `v1.wsession` that was greeted, and the server's end of its socket. */
async function greeted(options: { perMessageDeflate?: boolean } = {}) {
  const opened = deferred<Session<{ n: number }>>();
  const sessions = createSessions({ store: mapStore(), token: queryToken(), initial: () => ({ n: 0 }) });
  const { server, address, http } = await ways.port(options);
  const tcp = deferred<Socket>();
  const socket = deferred<WebSocket>();
  server.on("connection", (own, request) => {
    socket.resolve(own);
    tcp.resolve(request.socket);
  });
  bindSessions(server, sessions, { open: ({ session }) => opened.resolve(session) });
  onTestFinished(async () => {
    await sessions.close();
    await closeAll(server, http);
  });
  const client = await Client.connect(`ws://127.0.0.1:${address.port}/`, {
    protocols: ["none.v1.wsession", "v1.wsession"],
  });
  onTestFinished(() => client.socket.terminate());
  client.send(ATTACH);
  expect(await client.next()).toMatch(/^\.h/);
  return { client, session: await opened.promise, tcp: await tcp.promise, socket: await socket.promise };
}

test("I15 kept messages of one turn reach a client in order, by one write to its socket", async () => {
  const { client, session, tcp } = await greeted();
  // Node's own methods: `_writev` hands several chunks to one system call, and `_write` a single one.
  const together = vi.spyOn(tcp, "_writev");
  const alone = vi.spyOn(tcp, "_write");
  const texts = Array.from({ length: 20 }, (_, number) => `${number}`);
  await Promise.all(texts.map((text) => session.send(text)));
  expect(together.mock.calls.length + alone.mock.calls.length).toBe(1);
  const received: (string | Uint8Array)[] = [];
  for (const _ of texts) received.push(parseKept(await client.next()).message);
  expect(received).toEqual(texts);
});

test("I15 kept messages of one turn, of any length, reach a client unchanged, among messages that the application gave to ws itself", async () => {
  const { client, session, socket } = await greeted();
  // With the chain before it, each text has one of the lengths at which the head of a frame changes.
  const texts = [0, 118, 119, 120, 65_528, 65_529].map((length) => "x".repeat(length)).concat("ü€😀");
  const bytes = [0, 120, 121].map((length) => Uint8Array.from({ length }, (_, index) => index));
  const sent = [...texts, ...bytes];
  socket.send(writePlain("before"));
  const kept = Promise.all(sent.map((one) => session.send(one)));
  socket.send(writePlain("between"));
  await kept;
  socket.send(writePlain("after"));
  expect([await client.next(), await client.next()]).toEqual(["-before", "-between"]);
  const received: (string | Uint8Array)[] = [];
  for (const _ of sent) received.push(parseKept(await client.next()).message);
  expect(received.map((one) => (typeof one === "string" ? one : Uint8Array.from(one)))).toEqual(sent);
  expect(await client.next()).toBe("-after");
});

test("I15 kept messages behind Blobs that the application gave to ws wait for these, and reach a client in order", async () => {
  const { client, session, socket } = await greeted();
  // Many, because ws sends one Blob in fewer microtasks than a kept message takes.
  const blobs = Array.from({ length: 100 }, (_, number) => `blob ${number}`);
  for (const text of blobs) socket.send(new Blob([text]));
  await Promise.all(["1", "2"].map((text) => session.send(text)));
  for (const text of blobs) expect(Buffer.from(await client.next()).toString()).toBe(text);
  for (const text of ["1", "2"]) expect(parseKept(await client.next()).message).toBe(text);
});

test("I15 kept messages of one turn reach a client in order where they are compressed", async () => {
  const { client, session } = await greeted({ perMessageDeflate: true });
  const texts = Array.from({ length: 20 }, (_, number) => `${number} ${"x".repeat(2_000)}`);
  await Promise.all(texts.map((text) => session.send(text)));
  for (const text of texts) expect(parseKept(await client.next()).message).toBe(text);
});

import type { Socket } from "node:net";
import { bindSessions } from "@wsession/adapter-ws";
import { Client, deferred } from "@wsession/conformance";
import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { Session } from "@wsession/core";
import { parseKept, writeAttach } from "@wsession/protocol";
import { expect, onTestFinished, test, vi } from "vitest";
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
  server.on("connection", (_socket, request) => tcp.resolve(request.socket));
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
  return { client, session: await opened.promise, tcp: await tcp.promise };
}

test("I15 kept messages of one turn reach a client in order, by one write to its socket", async () => {
  const { client, session, tcp } = await greeted();
  // Node's own method, which hands several chunks to one system call; `_write` takes a single one.
  const together = vi.spyOn(tcp, "_writev");
  const alone = vi.spyOn(tcp, "_write");
  const texts = Array.from({ length: 20 }, (_, number) => `${number}`);
  await Promise.all(texts.map((text) => session.send(text)));
  expect([together.mock.calls.length, alone.mock.calls.length]).toEqual([1, 0]);
  const received: (string | Uint8Array)[] = [];
  for (const _ of texts) received.push(parseKept(await client.next()).message);
  expect(received).toEqual(texts);
});

test("I15 kept messages of one turn reach a client in order where they are compressed", async () => {
  const { client, session } = await greeted({ perMessageDeflate: true });
  const texts = Array.from({ length: 20 }, (_, number) => `${number} ${"x".repeat(2_000)}`);
  await Promise.all(texts.map((text) => session.send(text)));
  for (const text of texts) expect(parseKept(await client.next()).message).toBe(text);
});

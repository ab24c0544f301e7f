// The application's `connection` listeners behind the gate (`listeners: "gated"`), together with `maxConcurrentMessages` and
// `exclusive`.
import { once } from "node:events";
import { bindSessions } from "@wsession/adapter-ws";
import { deferred, Journal, until } from "@wsession/conformance";
import type { Deferred } from "@wsession/conformance";
import { createSessions, isSessionError, mapStore, queryToken } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";
import { connect } from "../runtimes.ts";

type Data = { readonly n: number };

const AT_ONCE = 3;
const sent = Array.from({ length: 3 * AT_ONCE }, (_, index) => `m${index}`);

/** A server whose listener notes what it gets, and whose handlers run until the test ends them. */
async function start(open: (connection: Connection<Data, unknown, never>) => unknown = () => undefined) {
  const sessions = createSessions<Data>({
    store: mapStore(),
    token: queryToken(),
    maxConcurrentMessages: AT_ONCE,
    exclusive: true,
    initial: () => ({ n: 0 }),
  });
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  onTestFinished(async () => {
    await sessions.close({ drainMs: 0 });
    server.close();
  });
  const received = new Journal();
  const running: Deferred<void>[] = [];
  const writes = new Journal<unknown>();
  let atOnce = 0;
  let mostAtOnce = 0;
  const handlers = {
    open,
    async message({ session }: Connection<Data, unknown, never>) {
      const held = deferred();
      running.push(held);
      atOnce += 1;
      mostAtOnce = Math.max(mostAtOnce, atOnce);
      await held.promise;
      atOnce -= 1;
      await session.patch({ n: 1 }).then(
        () => writes.note("written"),
        (error: unknown) => writes.note(isSessionError(error) ? error.code : error),
      );
    },
  };
  bindSessions(server, sessions, handlers, { listeners: "gated" });
  server.on("connection", (socket, { url = "" }) => {
    const name = url.includes("token=") ? "second" : "first";
    received.note(`${name} connection`);
    socket.on("message", (data) => received.note(`${name} ${String(data)}`));
    socket.on("close", (code) => received.note(`${name} close ${code}`));
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : expect.fail("no port");
  return { sessions, port, received, running, writes, mostAtOnce: () => mostAtOnce };
}

test("I2 a gated listener gets the messages in order, in whichever order the handlers that run at once end", async () => {
  const { port, received, running, writes, mostAtOnce } = await start();
  const client = await connect({ port });
  for (const text of sent) client.send(text);
  for (let ended = 0; ended < sent.length; ended += AT_ONCE) {
    await until(() => running.length === ended + AT_ONCE);
    for (const held of running.slice(ended).toReversed()) held.resolve();
  }
  await writes.until(sent.length);
  await received.until(1 + sent.length);
  expect(received.entries).toEqual(["first connection", ...sent.map((text) => `first ${text}`)]);
  expect(mostAtOnce()).toBe(AT_ONCE);
  expect(new Set(writes.entries)).toEqual(new Set(["written"]));
});

test("I4 a connection that is replaced while its handlers run gives its gated listener 4409, and no message after it", async () => {
  const { sessions, port, received, running, writes } = await start();
  const first = await connect({ port });
  for (const text of sent) first.send(text);
  await until(() => running.length === AT_ONCE);
  await first.roundTrip();
  const [connection] = sessions.connections;
  const second = await connect({ port }, `/?token=${connection?.token}`);
  expect((await first.closed).code).toBe(4409);
  await received.until((entry) => entry === "second connection");
  for (const held of running) held.resolve();
  await writes.until(AT_ONCE);
  expect(new Set(writes.entries)).toEqual(new Set(["FENCED"]));
  second.send("hello");
  await received.until((entry) => entry === "second hello");
  await received.until((entry) => entry === "first close 4409");
  running.at(-1)?.resolve();
  await writes.until((entry) => entry === "written");
  expect(received.entries.filter((entry) => entry.startsWith("first"))).toEqual([
    "first connection",
    ...sent.slice(0, AT_ONCE).map((text) => `first ${text}`),
    "first close 4409",
  ]);
});

test("I1 I4 a connection that is replaced before its gate opens reaches no gated listener and no handler", async () => {
  const opened = deferred();
  const { sessions, port, received, running } = await start(async ({ resumed }) => {
    if (!resumed) await opened.promise;
  });
  const first = await connect({ port });
  for (const text of sent) first.send(text);
  await first.roundTrip();
  const [connection] = sessions.connections;
  const second = await connect({ port }, `/?token=${connection?.token}`);
  expect((await first.closed).code).toBe(4409);
  opened.resolve();
  second.send("hello");
  await received.until((entry) => entry === "second hello");
  expect(received.entries).toEqual(["second connection", "second hello"]);
  await until(() => running.length === 1);
  running[0]?.resolve();
});

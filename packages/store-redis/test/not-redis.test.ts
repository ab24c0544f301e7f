/** A server that accepts connections, and is not Redis. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { createClient } from "redis";
import { redisStore } from "@wsession/store-redis";
import { FakeHost, aCreation } from "./fake-host.ts";
import { until } from "./redis-server.ts";
import { recordUncaught } from "./tls-server.ts";

const HOST = "127.0.0.1";

/** Starts a server with the same reply to each command. `received`: what clients have sent. */
async function startOther(reply: string): Promise<{ readonly port: number; readonly received: string[] }> {
  const sockets = new Set<Socket>();
  const received: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      const commands = data.toString().split("*").length - 1;
      received.push(data.toString().toLowerCase());
      socket.write(reply.repeat(commands));
    });
  }).listen(0, HOST);
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return { port: address.port, received };
}

const replies = [
  ["null", "$-1\r\n"],
  ["an empty list", "*0\r\n"],
  ["OK", "+OK\r\n"],
] as const;

const libraries = [
  ["ioredis", (port: number) => new Redis(port, HOST, { lazyConnect: true })],
  ["node-redis", (port: number) => createClient({ socket: { host: HOST, port } })],
] as const;

const cases = libraries.flatMap(([library, connect]) =>
  replies.map(([name, reply]) => [library, name, connect, reply] as const),
);

// ioredis throws an error that nothing can catch if the reply to SUBSCRIBE is not that of Redis (issue 13, kind F).
test.for(cases)(
  "%s: a server that answers each command with %s is refused, and throws nothing",
  async ([, , connect, reply]) => {
    const { port, received } = await startOther(reply);
    const thrown = recordUncaught();
    const client = connect(port);
    client.on("error", () => undefined);
    const store = redisStore({ client, timeoutMs: 300 });
    store.attach(new FakeHost());
    // On a busy machine the first call may end before the server has answered.
    await until(async () => {
      const error: unknown = await store.create(aCreation({ hold: true })).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "not-applied" });
      return error instanceof Error && error.cause instanceof Error;
    });
    expect(await store.health(500)).toMatchObject({ ok: false, subscription: false });
    await until(() => /ping|subscribe/.test(received.join("")));
    await store.close();
    expect(received.join("")).not.toContain("subscribe");
    expect(thrown).toEqual([]);
  },
);

// The short form of `npm run test:drivers`: a change with each client library, and what redisStore() refuses.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { inspect } from "node:util";
import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { createClientPool } from "redis";
import { createClient } from "redis-5.0";
import { describe, expect, test } from "vitest";
import { aCreation, aWrite } from "../packages/store-redis/test/fake-host.ts";
import { cli, startRedis, until } from "../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../packages/store-redis/test/redis-server.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";
import { libraries } from "./drivers/libraries.ts";
import { startStore, usable } from "./drivers/start-store.ts";
import type { Disposer } from "./drivers/topologies.ts";
import { newPrefix } from "./stores.ts";

const server: RedisServer = useRedisServer();

/** A server that closes its first connections in the middle of their handshake: those of the application and of its store. */
async function closesHandshakes({ onTestFinished }: Disposer) {
  let left = 3;
  const listener = createServer((client) => {
    client.on("error", () => undefined);
    if (left > 0) {
      left -= 1;
      client.once("data", () => client.destroy());
      return;
    }
    const redis = connect(server.port, server.host);
    redis.on("error", () => undefined);
    redis.on("close", () => client.destroy());
    client.on("close", () => redis.destroy());
    client.pipe(redis).pipe(client);
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void listener.close());
  await once(listener, "listening");
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return { address: { host: "127.0.0.1", port: address.port }, left: () => left };
}

describe.each(libraries.map((library) => ({ name: library.name, library })))("$name", ({ library }) => {
  test("a change reaches the holder in another process, and closing the client ends the store's connections", async (context) => {
    const prefix = newPrefix();
    const open = () => startStore(context, library.server(server), { timeoutMs: 20_000, prefix });
    const holder = open();
    const writer = open();
    const creation = aCreation({ data: { n: 0 }, hold: true });
    const created = await holder.store.create(creation);
    if (created.type !== "created") throw new Error(created.type);
    holder.host.adopt(creation.id, created.session);
    await writer.store.write(aWrite(creation.id, { n: 1 }));
    await until(() => holder.host.eventsOf(creation.id).length === 1);
    expect(holder.host.eventsOf(creation.id)).toMatchObject([
      { type: "written", version: 2, change: { type: "fields", set: { n: 1 } } },
    ]);
    writer.opened.close();
    await until(() =>
      writer.store.load(creation.id).then(
        () => false,
        (error: unknown) => error instanceof Error && error.message.includes("is closed"),
      ),
    );
  });

  test("fault B1: the store connects again after a server closed its connection during the handshake", async (context) => {
    const { address, left } = await closesHandshakes(context);
    await usable(startStore(context, library.server(address)));
    expect(left()).toBe(0);
  });
});

test.each([
  ["a pool of node-redis", createClientPool(), /not a pool of node-redis/],
  [
    "a client of valkey-glide",
    { customCommand: () => undefined, close: (): void => undefined },
    /not a client of valkey-glide/,
  ],
  [
    "a client of node-redis 4",
    { isOpen: true, sendCommand: () => undefined },
    /not a client of node-redis 4/,
  ],
  [
    "a client of ioredis 4",
    { isCluster: false, sendCommand: () => undefined },
    /not a client of an ioredis before 5.3/,
  ],
  [
    "a RedisClient of Bun",
    { connected: true, send: () => undefined, duplicate: () => undefined },
    /not a RedisClient of Bun/,
  ],
  ["an object", {}, /not another object/],
])("refuses %s by name, and the error lists the supported clients", (_, client, message) => {
  const options: object = { client };
  const make = () => Reflect.apply(redisStore, undefined, [options]);
  expect(make).toThrow(message);
  expect(make).toThrow(
    /client must be a Redis or Cluster of ioredis 5\.3 or newer or of iovalkey, or a client of node-redis 5/,
  );
  expect(make).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

test("a server without HELLO quotes the arguments of node-redis 5, and the error has no password", async ({
  onTestFinished,
}) => {
  const strict = await startRedis(["--rename-command", "HELLO", ""]);
  onTestFinished(() => strict.stop());
  await cli(strict.port, "config", "set", "requirepass", "secret-of-mine");
  const client = createClient({ url: `redis://ada:secret-of-mine@${strict.host}:${strict.port}` });
  onTestFinished(() => client.destroy());
  client.on("error", () => undefined);
  client.connect().catch(() => undefined);
  const store = redisStore({ client, timeoutMs: 2_000 });
  const sessions = createSessions({ store, onError: () => undefined });
  onTestFinished(() => sessions.close());
  const error: unknown = await sessions.create({}).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ message: expect.stringContaining("unknown command 'HELLO'") });
  expect(inspect(error, { depth: 5 })).not.toMatch(/of-mine/);
});

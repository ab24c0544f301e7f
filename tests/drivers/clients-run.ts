// `npm run test:drivers`: in which states and with which options an application may give its client.
import type { RedisClient } from "@wsession/store-redis";
import { createClient as createClient6 } from "redis";
import { createClient as createClient5 } from "redis-5";
import { describe, expect, test } from "vitest";
import { aCreation, aWrite } from "../../packages/store-redis/test/fake-host.ts";
import { until } from "../../packages/store-redis/test/redis-server.ts";
import { useRedisServer } from "../../packages/store-redis/test/shared-servers.ts";
import { libraries, type NodeRedisLike } from "./libraries.ts";
import { startStore, usable } from "./start-store.ts";

const server = useRedisServer();

describe.each(libraries.map((library) => ({ name: library.name, library })))("$name", ({ library }) => {
  test("a client that ends in the middle rejects the calls that wait and all later ones, and the error says why", async (context) => {
    const opened = library.server(server);
    const started = startStore(context, opened, { timeoutMs: 20_000 });
    await usable(started);
    server.pause();
    context.onTestFinished(() => server.continue());
    const waiting = started.store.load(aCreation().id).catch((error: unknown) => error);
    opened.close();
    server.continue();
    await until(() =>
      started.store.load(aCreation().id).then(
        () => false,
        (error: unknown) => error instanceof Error && error.message.includes("is closed"),
      ),
    );
    await expect(started.store.create(aCreation())).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      outcome: "not-applied",
      message: expect.stringContaining("is closed: connect the client again"),
    });
    // Either the reply was first, or the end of the client.
    const first = await waiting;
    if (first !== undefined) expect(first).toMatchObject({ code: "STORE_UNAVAILABLE" });
  });
});

type Client = NodeRedisLike & RedisClient;

const versions = [
  { version: "6", createClient: createClient6 },
  { version: "5", createClient: createClient5 },
];

describe.each(versions)("node-redis $version", ({ createClient }) => {
  const made = (options: object): Client => {
    const all = { socket: { host: "127.0.0.1", port: server.port }, ...options };
    const client: Client = Reflect.apply(createClient, undefined, [all]);
    client.on("error", () => undefined);
    return client;
  };
  const close = (client: Client): void => {
    if (client.isOpen) client.destroy();
  };

  test.each([
    { mode: "RESP 2", options: { RESP: 2 } },
    { mode: "RESP 3", options: { RESP: 3 } },
    { mode: "replies as buffers", options: { commandOptions: { typeMapping: { 36: Buffer, 43: Buffer } } } },
    {
      mode: "numbers as text",
      options: { RESP: 3, commandOptions: { typeMapping: { 58: String, 40: String } } },
    },
    { mode: "maps as Map", options: { RESP: 3, commandOptions: { typeMapping: { 37: Map } } } },
  ] as const)(
    "the options of the application do not change what the store reads: $mode",
    async ({ options }) => {
      const client = made(options);
      const closing: (() => unknown)[] = [() => close(client)];
      const started = startStore(
        { onTestFinished: (end) => void closing.push(end) },
        { client, close: () => close(client) },
        { timeoutMs: 20_000 },
      );
      try {
        await client.connect();
        await usable(started);
        const { id } = aCreation();
        await started.store.create(aCreation({ id, subject: "ada", data: { n: 0, text: "ä" }, hold: true }));
        expect(await started.store.write(aWrite(id, { n: 1 }))).toMatchObject({
          type: "written",
          version: 2,
        });
        expect(await started.store.load(id)).toMatchObject({ subject: "ada", data: { n: 1, text: "ä" } });
        expect(await started.store.presenceOfSubject("ada")).toBeDefined();
        expect(await started.store.health(5_000)).toMatchObject({ ok: true, role: "primary" });
      } finally {
        for (const end of closing.toReversed()) await end();
      }
    },
  );

  test("a client that was never connected serves the store, and a client that was closed serves it once it is connected again", async (context) => {
    const client = made({});
    const started = startStore(context, { client, close: () => close(client) }, { timeoutMs: 20_000 });
    await usable(started);
    await client.connect();
    client.destroy();
    await expect(started.store.create(aCreation())).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      outcome: "not-applied",
      message: expect.stringContaining("is closed: connect the client again"),
    });
    await client.connect();
    await usable(started);
  });
});

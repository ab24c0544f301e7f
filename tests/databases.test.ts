// Redis delivers a message of PUBLISH to the subscribers of all databases of a server.
import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import { createClient, createSentinel } from "redis";
import { expect, test } from "vitest";
import type { RedisClient } from "@wsession/store-redis";
import { aCreation, hold, newId } from "../packages/store-redis/test/fake-host.ts";
import { cli, startSentinel, until } from "../packages/store-redis/test/redis-server.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";
import type { Opened } from "./drivers/libraries.ts";
import { startStore, usable } from "./drivers/start-store.ts";
import type { Started } from "./drivers/start-store.ts";
import type { Disposer } from "./drivers/topologies.ts";
import { newPrefix } from "./stores.ts";

const server = useRedisServer();

const hashOf = (subject: string): string =>
  createHash("sha256").update(subject).digest("base64url").slice(0, 12);

type Open = (database: number) => Opened;

const openIoredis: Open = (db) => {
  const client = new Redis({ host: server.host, port: server.port, db });
  client.on("error", () => undefined);
  return { client, close: () => client.disconnect() };
};

function openedNodeRedis(
  client: RedisClient & {
    on(event: "error", listener: () => void): unknown;
    connect(): Promise<unknown>;
    destroy(): unknown;
  },
): Opened {
  client.on("error", () => undefined);
  const connected = client.connect();
  return { client, connected, close: () => client.destroy() };
}

const openNodeRedis: Open = (database) =>
  openedNodeRedis(createClient({ url: `redis://${server.host}:${server.port}/${database}` }));

/** A process, and the id of a session of the subject that it holds. */
async function startHolder(context: Disposer, opened: Opened, prefix: string, subject: string) {
  await opened.connected;
  const process = startStore(context, opened, { prefix, timeoutMs: 20_000 });
  await usable(process);
  return { ...process, id: await heldBy(process, subject) };
}

async function heldBy({ store, host }: Started, subject: string): Promise<string> {
  const creation = aCreation({ subject });
  await store.create(creation);
  await hold(store, host, creation.id);
  return creation.id;
}

/**
 * Calls `destroySubject` in database 1. Resolves with the events of two sessions of the subject, one in this database and one in database
 * 0. `open` opens a client of a database of the server at `port`.
 */
async function eventsOfDestruction(context: Disposer, open: Open, port: number) {
  const [prefix, subject] = [newPrefix(), newId()];
  const here = await startHolder(context, open(1), prefix, newId());
  const there = await startHolder(context, open(1), prefix, subject);
  const other = await startHolder(context, open(0), prefix, subject);
  const sender = await startHolder(context, open(0), prefix, newId());
  // Without the index only the announcement to all processes ends the session.
  await cli(port, "-n", "1", "del", `${prefix}:u:{${hashOf(subject)}}`);
  await here.store.destroySubject(subject, "locked");
  await until(() => there.host.held(there.id) === undefined);
  // The process of the other database has received all earlier messages once it receives this one.
  const last = await heldBy(other, newId());
  await sender.store.destroy(last, undefined, true);
  await until(() => other.host.held(last) === undefined);
  return [there, other].map(({ host, id }) => host.eventsOf(id));
}

const ends = expect.objectContaining({ type: "destroyed", reason: "locked" });

test("ioredis: destroySubject ends no connection of another database of the server", async (context) => {
  expect(await eventsOfDestruction(context, openIoredis, server.port)).toEqual([[ends], []]);
});

test("node-redis: destroySubject ends no connection of another database of the server", async (context) => {
  expect(await eventsOfDestruction(context, openNodeRedis, server.port)).toEqual([[ends], []]);
});

test("node-redis with Sentinel: destroySubject ends no connection of another database", async (context) => {
  const { name, sentinels, primary, stop } = await startSentinel();
  context.onTestFinished(stop);
  const sentinelRootNodes = sentinels.map(({ host, port }) => ({ host, port }));
  const open: Open = (database) =>
    openedNodeRedis(createSentinel({ name, sentinelRootNodes, nodeClientOptions: { database } }));
  expect(await eventsOfDestruction(context, open, primary.port)).toEqual([[ends], []]);
});

import type { Cluster, Redis } from "ioredis";
import { expect, test } from "vitest";
import { aCreation, aResume, newId } from "./fake-host.ts";
import { startProcess } from "./processes.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();
const DAY = 24 * 3_600_000;
const limit = { max: 2, over: "oldest" } as const;

/** For how many milliseconds Redis keeps the subject's index and the order of its logins; -1 for ever. */
async function kept(client: Cluster | Redis, prefix: string): Promise<{ index: number; logins: number }> {
  const keys = await client.keys(`${prefix}:[uq]:*`);
  const keyOf = (letter: string): string =>
    keys.find((key) => key.startsWith(`${prefix}:${letter}:`)) ?? "none";
  // Redis 6.2 has no PEXPIRETIME. If a millisecond passes between the two replies, the order must not seem the shorter one.
  const replies = await client.multi().pttl(keyOf("q")).pttl(keyOf("u")).exec();
  const [logins, index] = (replies ?? []).map(([, left]) => Number(left));
  return { index: index ?? Number.NaN, logins: logins ?? Number.NaN };
}

test("the order of a subject's logins is kept as long as the subject's sessions, also when their deadlines move", async () => {
  const prefix = newId();
  const { store, client } = startProcess(server, { prefix });
  const start = Date.now();
  const first = aCreation({ subject: "ada", limit, idleMs: 60_000, absoluteMs: 30 * DAY });
  await store.create(first);
  await store.touch(first.id, DAY);
  const touched = await kept(client, prefix);
  expect(touched.index).toBeGreaterThan(start + DAY - Date.now());
  expect(touched.logins).toBeGreaterThanOrEqual(touched.index);
  await store.resume(aResume(first.id, { idleMs: 5 * DAY }));
  await store.touch(first.id, 10 * DAY);
  const resumed = await kept(client, prefix);
  expect(resumed.index).toBeGreaterThan(start + 10 * DAY - Date.now());
  expect(resumed.logins).toBeGreaterThanOrEqual(resumed.index);
});

test("the order of a subject's logins does not stay for ever, once its sessions without deadlines are destroyed", async () => {
  const prefix = newId();
  const { store, client } = startProcess(server, { prefix });
  const endless = { idleMs: Number.POSITIVE_INFINITY, absoluteMs: Number.POSITIVE_INFINITY };
  const { id } = aCreation();
  await store.create(aCreation({ id, subject: "ada", limit, ...endless }));
  expect(await kept(client, prefix)).toEqual({ index: -1, logins: -1 });
  await store.destroy(id, undefined, false);
  await expect.poll(() => kept(client, prefix).then(({ index }) => index)).toBeGreaterThan(0);
  expect((await kept(client, prefix)).logins).toBeGreaterThan(0);
});

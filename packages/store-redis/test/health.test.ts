import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { startLateness } from "./lateness.ts";
import { connected, startProcess } from "./processes.ts";
import { cli, startRedis, until } from "./redis-server.ts";
import { useRedisServer } from "./shared-servers.ts";

const shared = useRedisServer();
const LIMIT_MS = 400;
/** Above the limit, for a machine that is busy. */
const SOON_MS = 2_000;

const WELL = { ok: true, role: "primary", subscription: true, lease: true };

/** The health of a process. The answer must come soon, whatever the server does. */
async function healthOf({ store }: ReturnType<typeof startProcess>) {
  const lateMs = startLateness();
  const askedAt = performance.now();
  const health = await store.health(LIMIT_MS);
  expect(performance.now() - askedAt - lateMs()).toBeLessThan(SOON_MS);
  lateMs.stop();
  return health;
}

async function untilHealth(process: ReturnType<typeof startProcess>, expected: object): Promise<void> {
  let last: unknown;
  const isThere = async (): Promise<boolean> => {
    last = await healthOf(process);
    return Object.entries(expected).every(([name, value]) => Reflect.get(Object(last), name) === value);
  };
  await until(isThere).catch(() => expect(last).toMatchObject(expected));
}

async function ownServer() {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  return server;
}

describe("health of redisStore", () => {
  test("is ok with the role and the time of a round trip", async () => {
    const process = startProcess(shared);
    await untilHealth(process, WELL);
    let latencyMs: number | undefined;
    // On a busy machine one answer may come after the limit.
    await until(async () => ({ latencyMs } = await healthOf(process)).latencyMs !== undefined);
    expect(latencyMs).toBeGreaterThan(0);
    expect(latencyMs).toBeLessThan(LIMIT_MS);
  });

  test("is not ok within its limit while the server is stopped, and is ok when the server continues", async () => {
    const server = await ownServer();
    const process = startProcess(server);
    await untilHealth(process, WELL);
    server.pause();
    expect(await healthOf(process)).toMatchObject({ ok: false, role: undefined, latencyMs: undefined });
    server.continue();
    await untilHealth(process, WELL);
  });

  test("is not ok within its limit while the server is gone, and is ok after its restart", async () => {
    const server = await ownServer();
    const process = startProcess(server);
    await untilHealth(process, WELL);
    await server.kill();
    await untilHealth(process, { ok: false, role: undefined, latencyMs: undefined, subscription: false });
    await server.restart();
    await untilHealth(process, WELL);
    expect(process.store.diagnostics.reconnects).toBeGreaterThan(0);
    expect(process.store.diagnostics.resubscriptions).toBeGreaterThan(0);
  });

  test("is not ok at once when the server becomes a replica, and says so until it is a primary again", async () => {
    const server = await ownServer();
    const process = startProcess(server);
    await untilHealth(process, WELL);
    // There is no primary on that port. The server is a replica nevertheless.
    await cli(server.port, "replicaof", "127.0.0.1", "1");
    let health = await healthOf(process);
    // On a busy machine an answer may come after the limit, and no answer is not ok either.
    for (; health.role === undefined; health = await healthOf(process)) expect(health.ok).toBe(false);
    expect(health).toMatchObject({ ok: false, role: "replica" });
    await untilHealth(process, { ok: false, role: "replica", latencyMs: undefined });
    await cli(server.port, "replicaof", "no", "one");
    await untilHealth(process, WELL);
  });

  test("is not ok while announcements do not arrive", async () => {
    const server = await ownServer();
    const process = startProcess(server);
    await untilHealth(process, WELL);
    await cli(server.port, "acl", "setuser", "default", "-subscribe");
    await cli(server.port, "client", "kill", "type", "pubsub");
    await untilHealth(process, { ok: false, role: "primary", subscription: false, lease: true });
    await cli(server.port, "acl", "setuser", "default", "+subscribe");
    await untilHealth(process, WELL);
  });

  test("of a client that was closed is not ok at once", async () => {
    const process = startProcess(shared);
    await connected(process);
    process.client.disconnect();
    await untilHealth(process, { ok: false, role: undefined, latencyMs: undefined, subscription: false });
  });

  test("without a host has neither a subscription nor a lease", async () => {
    const client = new Redis(shared.port);
    const { redisStore } = await import("@wsession/store-redis");
    const store = redisStore({ client });
    onTestFinished(async () => {
      await store.close();
      client.disconnect();
    });
    const bare = { ok: true, role: "primary", subscription: undefined, lease: undefined };
    await until(async () => (await store.health(SOON_MS)).ok);
    expect(await store.health(SOON_MS)).toMatchObject(bare);
  });
});

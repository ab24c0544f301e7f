import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { type RedisServer, cli, startRedis, until } from "../../packages/store-redis/test/redis-server.ts";
import { openApplication, type Application, type ApplicationOptions } from "./application.mjs";
import { campaign } from "./campaign.ts";
import { evictSome, keysOf, withFullMemory } from "./full-memory.ts";
import { ApplicationProcess } from "./processes.ts";

let redis: RedisServer;

beforeEach(async () => {
  redis = await startRedis();
});

afterEach(() => redis.stop());

const BOUNDS: Partial<ApplicationOptions> = { timeoutMs: 3_000, sweepMs: 500, confirmMs: 1_000 };

async function application(options: Partial<ApplicationOptions> = {}): Promise<Application> {
  const opened = await openApplication({
    redis: { kind: "standalone", port: redis.port },
    ...BOUNDS,
    ...options,
  });
  onTestFinished(() => opened.close());
  return opened;
}

async function applicationProcess(options: Partial<ApplicationOptions> = {}): Promise<ApplicationProcess> {
  const started = await ApplicationProcess.start({
    redis: { kind: "standalone", port: redis.port },
    ...BOUNDS,
    ...options,
  });
  onTestFinished(() => started.kill());
  return started;
}

test("fault A4: with full memory (noeviction) newcomers get 503, open connections stay, and destroySubject is complete", async () => {
  // No sweep during the test: a sweep that is faster than the announcement would close connections that `closed` does not count.
  const options = { sweepMs: 60_000 };
  const [here, there] = [await application(options), await applicationProcess(options)];
  const created = await Promise.all(Array.from({ length: 12 }, () => here.create()));
  const adas = created.slice(0, 6);
  for (const { id } of adas) await here.identify({ id, subject: "ada" });
  // Identified sessions have new tokens; the others are held by their first ones.
  for (const [index, of] of created.slice(6).entries())
    await (index % 2 === 0 ? here.connect(of) : there.call("connect", of));
  const held = await Promise.all(adas.map(({ id }) => here.identify({ id, subject: "ada" })));
  for (const [index, of] of held.entries())
    await (index % 2 === 0 ? here.connect(of) : there.call("connect", of));
  const [first] = created.slice(6);
  await here.append({ id: first?.id ?? "", value: "before" });
  await withFullMemory(redis.port, async () => {
    await expect(here.create()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "not-applied" });
    await expect(here.append({ id: first?.id ?? "", value: "refused" })).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      outcome: "not-applied",
    });
    await expect(there.call("connect", created[6] ?? { id: "", token: "" })).rejects.toThrow("503");
    expect(here.codes(created[6]?.id ?? "")).toEqual([null]);
    const { destroyed, closed, unreachable } = await here.destroySubject("ada");
    expect({ destroyed, closed, unreachable }).toEqual({ destroyed: 6, closed: 6, unreachable: [] });
    await until(() => adas.every(({ id }, index) => index % 2 === 1 || here.codes(id)[0] === 4410));
    expect(await here.bySubject("ada")).toEqual([]);
    for (const { id } of adas) expect(await here.read(id)).toBeNull();
  });
  await here.append({ id: first?.id ?? "", value: "after" });
  expect((await here.read(first?.id ?? ""))?.data.list).toEqual(["before", "after"]);
});

test("fault A4: with memory that is full at times, no acknowledged change is lost (I7 to I11)", async () => {
  const direct = { kind: "standalone", port: redis.port } as const;
  const report = await campaign({
    workers: [direct, direct, direct],
    direct,
    seed: 31,
    operations: 100,
    faults: async ({ workers, progress, refusals }) => {
      for (let round = 0; round < 2; round += 1) {
        await withFullMemory(redis.port, () => refusals(workers));
        await progress(30);
      }
    },
  });
  expect(report.violations).toEqual([]);
  expect(report.fail).toBeGreaterThan(0);
}, 90_000);

test("fault A5: with eviction allowed, a lost session is reported, and no socket of a destroyed subject stays open", async () => {
  const options = { allowEviction: true, idleMs: 3_600_000 };
  const here = await application(options);
  const there = await applicationProcess(options);
  const created = await Promise.all(Array.from({ length: 40 }, () => here.create()));
  const adas = await Promise.all(created.slice(0, 20).map(({ id }) => here.identify({ id, subject: "ada" })));
  const all = [...adas, ...created.slice(20)];
  for (const [index, of] of all.entries())
    await (index % 2 === 0 ? here.connect(of) : there.call("connect", of));
  for (const { id } of all) await here.append({ id, value: "acknowledged" });
  await evictSome(redis.port, async () => {
    const left = await keysOf(redis.port, "ws:s:*");
    return left.length <= 20 && (await keysOf(redis.port, "ws:u:*")).length === 0;
  });
  const lost = async ({ id }: { readonly id: string }): Promise<boolean> =>
    (await cli(redis.port, "exists", `ws:s:{${id}}`)) === "0";
  const codesOf = async (index: number, id: string): Promise<readonly (number | null)[]> =>
    index % 2 === 0 ? here.codes(id) : there.call("codes", id);
  const gone = await Promise.all(all.map(lost));
  // The holder of a lost session ends its connection, and counts and reports the loss.
  for (const [index, { id }] of all.entries())
    if (gone[index] === true) await until(async () => (await codesOf(index, id))[0] === 4419);
  const lostHere = all.filter((_, index) => index % 2 === 0 && gone[index] === true).length;
  expect(here.diagnostics().storeLosses).toBe(lostHere);
  expect(here.errors.filter((error) => String(error).includes("the store lost a session"))).toHaveLength(
    lostHere,
  );
  // The remaining sessions have all acknowledged changes.
  for (const [index, { id }] of all.entries())
    if (gone[index] !== true) expect((await here.read(id))?.data.list).toEqual(["acknowledged"]);
  // Without the index destroySubject still ends the held sessions.
  await here.destroySubject("ada");
  for (const [index, { id }] of adas.entries()) {
    await until(async () => (await codesOf(index, id))[0] !== null);
    await until(async () => (await here.read(id)) === null);
  }
});

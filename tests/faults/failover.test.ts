import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import {
  cli,
  type RedisServer,
  startCluster,
  startRedis,
  startSentinel,
  until,
} from "../../packages/store-redis/test/redis-server.ts";
import { type Application, type Created, type Data, openApplication, type Where } from "./application.mjs";
import { Resharding } from "./cluster.ts";
import { campaign, type CampaignReport, type RunningCampaign } from "./campaign.ts";

// A campaign on a busy machine takes longer than the usual 30 seconds. Each of its steps has a limit of its own.
vi.setConfig({ testTimeout: 120_000 });

let servers: { stop(): Promise<void> } | undefined;

afterEach(async () => {
  await servers?.stop();
  servers = undefined;
});

async function during(
  where: Where,
  seed: number,
  mayLose: boolean,
  faults: (running: RunningCampaign) => Promise<void>,
): Promise<CampaignReport> {
  return campaign({
    workers: [where, where],
    direct: where,
    seed,
    operations: 150,
    rules: { mayLose },
    faults,
  });
}

test("Sentinel failover under load: every process continues, nothing is applied twice (I10, I11)", async () => {
  const sentinel = await startSentinel();
  servers = sentinel;
  const where: Where = {
    kind: "sentinel",
    ports: sentinel.sentinels.map(({ port }) => port),
    name: sentinel.name,
  };
  const report = await during(where, 41, true, async ({ progress }) => {
    await sentinel.primary.kill();
    await progress(60);
  });
  expect(report.violations.filter(({ rule }) => rule !== "lost" && rule !== "resurrected")).toEqual([]);
});

test("a primary of a Cluster killed under load: its replica takes over, every process continues (I10, I11)", async () => {
  const cluster = await startCluster();
  servers = cluster;
  const where: Where = { kind: "cluster", ports: cluster.nodes.map(({ port }) => port) };
  const report = await during(where, 42, true, async ({ progress }) => {
    const [primary, other] = cluster.nodes;
    await primary?.kill();
    await until(
      async () =>
        (await cli(other?.port ?? 0, "cluster", "info")).includes("cluster_state:ok") &&
        (await primaries(other)) === 3,
      20_000,
    );
    await progress(60);
  });
  expect(report.violations.filter(({ rule }) => rule !== "lost" && rule !== "resurrected")).toEqual([]);
});

test("slots moved under load: nothing is lost, nothing applied twice (I7 to I11)", async () => {
  const cluster = await startCluster();
  servers = cluster;
  const resharding = await Resharding.of(cluster.nodes.slice(0, 3));
  onTestFinished(() => resharding.close());
  const where: Where = { kind: "cluster", ports: cluster.nodes.map(({ port }) => port) };
  const report = await during(where, 43, false, async ({ progress, sessions }) => {
    for (const id of [...sessions, ...sessions])
      await resharding.move(await resharding.slotOf(id), () => progress(3));
  });
  expect(report.violations).toEqual([]);
});

/** Live primaries, as a node lists them. */
async function primaries(node: RedisServer | undefined): Promise<number> {
  const nodes = await cli(node?.port ?? 0, "cluster", "nodes");
  return nodes.split("\n").filter((line) => /\bmaster\b/.test(line) && !/fail/.test(line)).length;
}

test("a server that restarts with an older state: every process continues from that state", async () => {
  const redis = await startRedis();
  servers = redis;
  const where: Where = { kind: "standalone", port: redis.port };
  const [here, there] = await Promise.all([1, 2].map(() => openApplication({ redis: where, sweepMs: 500 })));
  if (here === undefined || there === undefined) throw new Error("two were opened");
  try {
    const created = await here.create();
    const { id } = created;
    await here.connect(created);
    await there.connect(created);
    await here.append({ id, value: "saved", held: true });
    await cli(redis.port, "save");
    for (const value of ["lost 1", "lost 2", "lost 3"]) await here.append({ id, value, held: true });
    await redis.kill();
    await redis.restart();
    expect((await (await here.sessions.get(id))?.refresh())?.list).toEqual(["saved"]);
    expect(await there.append({ id, value: "after", held: true })).toBe(1);
    expect(await here.append({ id, value: "and after", held: true })).toBe(2);
    const list = ["saved", "after", "and after"];
    await until(() =>
      [here, there].every((one) => JSON.stringify(one.held(id)?.data.list) === JSON.stringify(list)),
    );
  } finally {
    await here.close();
    await there.close();
  }
});

test("a server that restarts with an older state under load, repeatedly: lost changes stay lost (I8, I10)", async () => {
  const redis = await startRedis();
  servers = redis;
  const where: Where = { kind: "standalone", port: redis.port };
  const report = await campaign({
    workers: [where, where],
    direct: where,
    seed: 44,
    operations: 150,
    // A lost destroy has to be repeated, which is not under test here.
    destroys: false,
    rules: { mayLose: true },
    async faults({ progress }) {
      // Few changes are lost each time, so that soon as many new changes have their version numbers.
      for (let times = 0; times < 12; times += 1) {
        await cli(redis.port, "save");
        await progress(1);
        await redis.kill();
        await redis.restart();
        await progress(10);
      }
    },
  });
  expect(report.lost).toBeGreaterThan(0);
  expect(report.violations.filter(({ rule }) => rule !== "lost")).toEqual([]);
});

const NEW_HISTORY = ["saved", "new 1", "new 2"];

type Handle = NonNullable<Awaited<ReturnType<Application["sessions"]["get"]>>>;

const appended = (handle: Handle, value: string): Promise<Readonly<Data>> =>
  handle.update((data) => ({ ...data, list: [...data.list, value] }));

/**
 * A server that lost changes in a restart and then got as many new changes. Its version equals the version in the memory of
 * `here`, with other data.
 */
async function twoHistories(
  handleOf: (here: Application, created: Created) => Promise<Handle | undefined>,
): Promise<{ here: Application; there: Application; created: Created; handle: Handle }> {
  const redis = await startRedis();
  servers = redis;
  const where: Where = { kind: "standalone", port: redis.port };
  const here = await openApplication({ redis: where, sweepMs: 500 });
  const there = await openApplication({ redis: where, sweepMs: 500 });
  servers = {
    async stop() {
      await Promise.all([here.close(), there.close()]);
      await redis.stop();
    },
  };
  const created = await here.create();
  const handle = await handleOf(here, created);
  if (handle === undefined) throw new Error("it was created");
  await appended(handle, "saved");
  await cli(redis.port, "save");
  for (const value of ["lost 1", "lost 2"]) await appended(handle, value);
  await redis.kill();
  await redis.restart();
  for (const value of ["new 1", "new 2"])
    await until(() => there.append({ id: created.id, value }).then(() => true), 10_000);
  expect((await there.read(created.id))?.version).toBe(4);
  return { here, there, created, handle };
}

const administrative = (here: Application, { id }: Created): Promise<Handle | undefined> =>
  here.sessions.get(id);

describe("the same version with other data, after the store lost changes", () => {
  test("no update is based on lost data (I8, I10)", async () => {
    const { there, created, handle } = await twoHistories(administrative);
    expect(handle.data.list).toEqual(["saved", "lost 1", "lost 2"]);
    expect((await appended(handle, "after")).list).toEqual([...NEW_HISTORY, "after"]);
    expect((await there.read(created.id))?.data.list).toEqual([...NEW_HISTORY, "after"]);
  });

  test("a patch gives its process the store's data (I8)", async () => {
    const { handle } = await twoHistories(administrative);
    await handle.patch({ field: "patched" });
    expect(handle.version).toBe(5);
    expect(handle.data).toMatchObject({ list: NEW_HISTORY, field: "patched" });
  });

  test("a login gives its process the store's data (I8)", async () => {
    const { handle } = await twoHistories(administrative);
    await handle.identify("ada");
    expect([handle.version, handle.subject]).toEqual([5, "ada"]);
    expect(handle.data.list).toEqual(NEW_HISTORY);
  });

  test("a client that comes back gets the store's data (I8)", async () => {
    const { here, created, handle } = await twoHistories(administrative);
    expect(await here.connect(created)).toBe(4);
    expect(here.held(created.id)?.data.list).toEqual(NEW_HISTORY);
    expect(handle.data.list).toEqual(NEW_HISTORY);
  });

  test("a process that holds the session gets the store's data within a sweep (I8)", async () => {
    const { handle } = await twoHistories(async (here, created) => {
      await here.connect(created);
      return [...here.sessions.connections].find(({ session }) => session.id === created.id)?.session;
    });
    await until(() => JSON.stringify(handle.data.list) === JSON.stringify(NEW_HISTORY));
    expect(handle.version).toBe(4);
  });
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { type RedisServer, startRedis, until } from "../../packages/store-redis/test/redis-server.ts";
import { type Application, openApplication } from "./application.mjs";
import { randomFrom } from "./load.mjs";

const RACES = 300;
const AT_ONCE = 10;
const WRITERS = 64;
const WRITES_OF_EACH = 4;

let redis: RedisServer;
const opened: Application[] = [];

async function application(): Promise<Application> {
  // Without sweeps and expired leases, so that each effect in a test comes from the reply or from the announcement.
  const here = await openApplication({
    redis: { kind: "standalone", port: redis.port },
    sweepMs: 600_000,
    leaseMs: 600_000,
  });
  opened.push(here);
  // Start a race after every process has its connections, because opening 64 at once takes longer than the limit of a call.
  await until(async () => (await here.read("nobody")) === null);
  return here;
}

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(async () => {
  await Promise.all(opened.map((here) => here.close()));
  await redis.stop();
});

test(`a client that resumes in one process while another process writes reads the write, ${RACES} times (I7, I8)`, async () => {
  const [here, there] = [await application(), await application()];
  const random = randomFrom(31);
  // First the write before the resume, and long after it. After that at random times.
  const sure = [-1, 10_000];
  const turns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const race = async (): Promise<number> => {
    const created = await there.create();
    const { id } = created;
    const pause = sure.shift() ?? Math.floor(random() * 12);
    if (pause < 0) await there.append({ id, value: "raced" });
    const [versionAtOpen] = await Promise.all([
      here.connect(created),
      turns(pause).then(() => (pause < 0 ? 0 : there.append({ id, value: "raced" }))),
    ]);
    await until(() => here.held(id)?.data.list.includes("raced") === true);
    return versionAtOpen;
  };
  const versions: number[] = [];
  while (versions.length < RACES)
    versions.push(...(await Promise.all(Array.from({ length: AT_ONCE }, race))));
  // Both orders occurred. Otherwise the test shows nothing.
  expect(new Set(versions)).toEqual(new Set([1, 2]));
});

test(`${WRITERS} processes' worth of writers on one session: all finish, no change is lost (I8)`, async () => {
  const writers = await Promise.all(Array.from({ length: WRITERS }, application));
  const [first] = writers;
  if (first === undefined) throw new Error("there are writers");
  const { id } = await first.create();
  const results = await Promise.all(
    writers.map(async (writer, number) => {
      const places: number[] = [];
      for (let write = 0; write < WRITES_OF_EACH; write += 1)
        places.push(await writer.append({ id, value: `${number}-${write}` }));
      return places;
    }),
  );
  expect(results.flat().toSorted((one, other) => one - other)).toEqual(
    Array.from({ length: WRITERS * WRITES_OF_EACH }, (_, place) => place),
  );
  expect(new Set((await first.read(id))?.data.list).size).toBe(WRITERS * WRITES_OF_EACH);
  const tries = Math.max(...writers.map(({ sessions }) => sessions.diagnostics.writeTriesMax));
  expect(tries).toBeGreaterThan(1);
  // A retry shows that another change came in between.
  expect(tries).toBeLessThanOrEqual(WRITERS * WRITES_OF_EACH);
});

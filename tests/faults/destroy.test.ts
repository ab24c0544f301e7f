import { afterAll, beforeAll, expect, test } from "vitest";
import { isSessionError } from "@wsession/core";
import { type RedisServer, startRedis } from "../../packages/store-redis/test/redis-server.ts";
import { type Application, type ApplicationOptions, openApplication } from "./application.mjs";
import { randomFrom } from "./load.mjs";
import { Proxy } from "./proxy.ts";

const LOGINS = 300;
const AT_ONCE = 12;

let redis: RedisServer;
let proxy: Proxy;
/** A process that logs in, over a network with varying delays, and a process that destroys. */
let login: Application;
let destroyer: Application;

beforeAll(async () => {
  redis = await startRedis();
  proxy = await Proxy.start(redis.port);
  const options: Partial<ApplicationOptions> = { prefix: "d", confirmMs: 50 };
  login = await openApplication({ ...options, redis: { kind: "standalone", port: proxy.port } });
  destroyer = await openApplication({ ...options, redis: { kind: "standalone", port: redis.port } });
});

afterAll(async () => {
  await Promise.all([login, destroyer].map((application) => application.close()));
  await proxy.stop();
  await redis.stop();
});

/** Whether an index lists the session. From then on its login is in progress. */
async function isListed(id: string): Promise<boolean> {
  for (const key of await destroyer.client.keys("d:u:*"))
    if ((await destroyer.client.zrange(key, "0", "-1")).some((entry) => entry.endsWith(id))) return true;
  return false;
}

interface Trial {
  /** Whether the index listed the login before the call of `destroySubject`. */
  readonly begun: boolean;
  readonly result: "in" | "REVOKED" | "SESSION_GONE";
  readonly survives: boolean;
}

/**
 * A login and a `destroySubject`. The destruction starts when the login is listed, or after `pauses` checks; Infinity: after
 * the login.
 */
async function race(subject: string, pauses: number): Promise<Trial> {
  const { id } = await destroyer.create();
  const loggedIn = login.identify({ id, subject }).then(
    () => "in" as const,
    (error: unknown) => {
      if (isSessionError(error, "REVOKED") || isSessionError(error, "SESSION_GONE"))
        return error.code as "REVOKED" | "SESSION_GONE";
      throw error;
    },
  );
  if (pauses === Number.POSITIVE_INFINITY) await loggedIn;
  let begun = false;
  for (let turn = 0; turn < pauses && !begun; turn += 1) begun = await isListed(id);
  await destroyer.destroySubject(subject);
  const owned = (await destroyer.store.load(id))?.subject === subject;
  const result = await loggedIn;
  const survives = (await destroyer.store.load(id))?.subject === subject;
  // After the destruction only a later login can add a session.
  expect(owned && !survives).toBe(false);
  return { begun, result, survives };
}

test(`of ${LOGINS} logins at every stage that started before destroySubject none survives (I9)`, async () => {
  const seed = 21;
  const random = randomFrom(seed);
  const trials: Trial[] = [];
  // First before the login, between its steps, and after it. After that at random times.
  const sure = [
    { ms: 40, looks: () => 0 },
    // On a busy machine the reads of the progress take long, and the login must not end before one of the reads has found it.
    { ms: 300, looks: () => 1_000_000 },
    { ms: 0, looks: () => Number.POSITIVE_INFINITY },
  ];
  while (trials.length < LOGINS) {
    const { ms, looks } = sure.shift() ?? {
      ms: Math.floor(random() * 6),
      looks: () => Math.floor(random() * 6),
    };
    proxy.set({ type: "delay", ms });
    const batch = Array.from({ length: AT_ONCE }, (_, index) =>
      race(`subject-${trials.length + index}`, looks()),
    );
    trials.push(...(await Promise.all(batch)));
  }
  const begun = trials.filter((trial) => trial.begun);
  expect(begun.filter(({ survives }) => survives)).toEqual([]);
  // An acknowledged login that was not destroyed has a session. A refused login has none.
  expect(trials.filter(({ result, survives }) => survives && result !== "in")).toEqual([]);
  // All kinds of interleavings occurred. Otherwise the test shows nothing.
  expect(begun.length).toBeGreaterThan(20);
  expect(trials.some(({ result }) => result === "REVOKED")).toBe(true);
  expect(trials.some(({ result, survives }) => result === "in" && !survives)).toBe(true);
  expect(trials.some(({ survives }) => survives)).toBe(true);
});

test("a destroySubject after all logins leaves no session, and an empty index", async () => {
  const subject = "last";
  const created = await Promise.all(Array.from({ length: 30 }, () => destroyer.create()));
  await Promise.all(created.map(({ id }) => login.identify({ id, subject })));
  expect((await destroyer.bySubject(subject)).toSorted()).toEqual(created.map(({ id }) => id).toSorted());
  expect(await destroyer.destroySubject(subject)).toMatchObject({ destroyed: 30 });
  expect(await destroyer.bySubject(subject)).toEqual([]);
  for (const { id } of created) expect(await destroyer.store.load(id)).toBeUndefined();
});

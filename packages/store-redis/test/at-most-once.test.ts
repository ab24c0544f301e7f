import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { isSessionError } from "@wsession/core";
import { aCreation, aResume, aWrite, hold, newDigest } from "./fake-host.ts";
import { startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { rejection, settled, useLoadedScripts } from "./lost-replies.ts";

const { server, settledBehindProxy } = useLoadedScripts();
/** The `timeoutMs` of a process whose calls have to fail. The calls before have to succeed within the same time. */
const FAILS_MS = 1_000;

test("a write whose reply was lost and that the client sends again is applied once, and answers as applied (I10)", async () => {
  const { proxy, process, onlooker } = await settledBehindProxy();
  const { id } = aCreation();
  await process.store.create(aCreation({ id, data: { n: 0 } }));
  proxy.replies("drop");
  const writing = process.store.write(aWrite(id, { n: 1 }, { expect: 1 }));
  await until(async () => (await onlooker.store.load(id))?.version === 2);
  // So many other writes that a record of only the last few operations would be lost.
  for (let version = 2; version < 20; version += 1) {
    const other = startProcess(server);
    await other.store.write(aWrite(id, { [`other${version}`]: version }, { known: version }));
  }
  proxy.replies("pass");
  proxy.cut();
  expect(await writing).toEqual({ type: "written", version: 2, session: undefined });
  expect(await onlooker.store.load(id)).toMatchObject({ version: 20, data: { n: 1, other19: 19 } });
});

test("a write whose reply was cut in the middle is applied once (I10)", async () => {
  const { proxy, process, onlooker } = await settledBehindProxy();
  const { id } = aCreation();
  await process.store.create(aCreation({ id, data: { n: 0 } }));
  for (let version = 1; version <= 5; version += 1) {
    proxy.cutAfter(version % 3);
    const written = await process.store.write(
      aWrite(id, { n: version }, { expect: version, known: version }),
    );
    expect(written).toMatchObject({ type: "written", version: version + 1 });
  }
  expect(await onlooker.store.load(id)).toMatchObject({ version: 6, data: { n: 5 } });
});

test("a write that is repeated on a server with another history starts a new lineage, and returns all data (I8, I10)", async () => {
  const { proxy, process, onlooker } = await settledBehindProxy();
  const { id } = aCreation();
  await process.store.create(aCreation({ id, data: { n: 0 } }));
  const client = new Redis(server.port);
  onTestFinished(() => client.disconnect());
  const [key = ""] = await client.keys(`*{${id}}`);
  const before = await client.dumpBuffer(key);
  await onlooker.store.write(aWrite(id, { who: "lost" }));
  const base = await onlooker.store.load(id);
  proxy.replies("drop");
  const writing = process.store.write(aWrite(id, { n: 1 }, { known: 2, lineage: base?.lineage }));
  await until(async () => (await onlooker.store.load(id))?.version === 3);
  const lost = await onlooker.store.load(id);
  // The state of a replica that lacks the last two changes and has another change instead.
  await client.restore(key, 60_000, before, "REPLACE");
  await onlooker.store.write(aWrite(id, { who: "kept" }));
  proxy.replies("pass");
  proxy.cut();
  expect(await writing).toMatchObject({
    type: "written",
    version: 3,
    session: { version: 3, data: { n: 1, who: "kept" } },
  });
  const stale = aWrite(id, { who: "from what was lost" }, { expect: 3, known: 3, lineage: lost?.lineage });
  expect(await onlooker.store.write(stale)).toMatchObject({
    type: "conflict",
    session: { version: 3, data: { n: 1, who: "kept" } },
  });
});

test("create, rotate, resume and destroy return the same result for a repeat (I10)", async () => {
  const { proxy, process, onlooker } = await settledBehindProxy();
  const { store } = process;
  const repeated = async <Result>(
    call: () => PromiseLike<Result>,
    done: () => Promise<boolean>,
  ): Promise<Result> => {
    await settled(process);
    proxy.replies("drop");
    const answer = call();
    await until(done);
    proxy.replies("pass");
    proxy.cut();
    return answer;
  };
  const creation = aCreation({ digest: undefined, hold: true });
  const { id } = creation;
  const connections = async (): Promise<number> =>
    (await onlooker.store.presence(id)).nodes[0]?.connections ?? 0;
  const loaded = async (): Promise<boolean> => (await onlooker.store.load(id)) !== undefined;
  expect(await repeated(() => store.create(creation), loaded)).toMatchObject({
    type: "created",
    session: { version: 1 },
  });
  await until(async () => (await connections()) === 1);

  const resuming = repeated(
    () => store.resume(aResume(id, { hold: true, exclusive: true })),
    async () => ((await onlooker.store.load(id))?.fence ?? 0) > 0,
  );
  const resumed = await resuming;
  const fence = resumed.type === "resumed" ? resumed.session.fence : expect.fail(resumed.type);
  expect((await onlooker.store.load(id))?.fence).toBe(fence);
  expect(await connections()).toBe(2);

  const [digest, renewalDigest] = [newDigest(), newDigest()];
  const rotation = {
    id,
    digest,
    renewalDigest,
    renewalMs: 60_000,
    graceMs: 60_000,
    subject: undefined,
    fence,
    known: 1,
  };
  const isCurrent = async (): Promise<boolean> =>
    (await onlooker.store.resume(aResume(id, { digest }))).type === "resumed";
  expect(await repeated(() => store.rotate(rotation), isCurrent)).toEqual({
    type: "rotated",
    version: 1,
    session: undefined,
  });
  // If the rotation were applied twice, the new digest would also be the previous one.
  expect(await onlooker.store.resume(aResume(id, { digest }))).toMatchObject({ by: "current" });
  expect(await process.client.hget(`ws:s:{${id}}`, "q")).toBeNull();

  const gone = async (): Promise<boolean> => !(await loaded());
  expect((await repeated(() => store.destroy(id, undefined, false), gone)).destroyed).toEqual([id]);
});

test("a takeover that is repeated after another takeover raises the fence again, so no two connections have the same fence (I13)", async () => {
  const { proxy, process, onlooker } = await settledBehindProxy();
  for (const wasCreated of [false, true]) {
    await settled(process);
    const { id } = aCreation();
    const exclusive = { hold: true, exclusive: true };
    if (!wasCreated) await onlooker.store.create(aCreation({ id }));
    proxy.replies("drop");
    const first = wasCreated
      ? process.store.create(aCreation({ id, digest: undefined, ...exclusive }))
      : process.store.resume(aResume(id, exclusive));
    await until(async () => ((await onlooker.store.load(id))?.fence ?? 0) > 0);
    const { fence: other } = await hold(onlooker.store, onlooker.host, id, exclusive);
    proxy.replies("pass");
    proxy.cut();
    const result = await first;
    const fence = "session" in result ? result.session.fence : expect.fail(result.type);
    expect(fence).toBeGreaterThan(other);
    const late = aWrite(id, { late: true }, { fence: other });
    expect(await onlooker.store.write(late)).toEqual({ type: "fenced" });
    await until(() => onlooker.host.held(id)?.fence === fence);
    expect((await process.store.write(aWrite(id, { n: 1 }, { fence }))).type).toBe("written");
  }
});

test("a write never runs after its deadline, even if the client sends it late, after a reconnection (I10, I11)", async () => {
  const { proxy, process, onlooker } = await settledBehindProxy(FAILS_MS);
  const { id } = aCreation();
  await process.store.create(aCreation({ id, data: { n: 0 } }));
  proxy.delayRequests(2 * FAILS_MS);
  const error = await rejection(process.store.write(aWrite(id, { n: 1 })));
  expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" });
  proxy.delayRequests(0);
  // The late write has been read by the server once a later command of its connection is answered.
  await until(() => proxy.pending === 0);
  await process.store.load(id);
  expect(await onlooker.store.load(id)).toMatchObject({ version: 1, data: { n: 0 } });
  expect(await process.store.outcome(error)).toBe("not-applied");
});

const ownUses: Readonly<Record<string, (client: Redis) => Promise<unknown>>> = {
  "a MULTI": async (client) => void client.multi({ pipeline: false }),
  "a SELECT": (client) => client.select(3),
  "a SUBSCRIBE": (client) => client.subscribe("a channel"),
  "a BLPOP that waits": async (client) => void client.blpop("a list", 2).catch(() => undefined),
  "a CLIENT REPLY OFF": async (client) => void client.call("CLIENT", "REPLY", "OFF").catch(() => undefined),
};

test.each(Object.keys(ownUses))(
  "%s on the application's client affects no call of the store (I7, I11)",
  async (use) => {
    const client = new Redis(server.port);
    const { store } = startProcess(() => client);
    const { id } = aCreation();
    await store.create(aCreation({ id, data: { n: 0 } }));
    await ownUses[use]?.(client);
    expect(await store.write(aWrite(id, { n: 1 }))).toMatchObject({ type: "written", version: 2 });
    expect(await store.touch(id, 1_000)).toBe(true);
    expect(await store.presence(id)).toEqual({ nodes: [], missing: [] });
    expect(await store.load(id)).toMatchObject({ version: 2, data: { n: 1 } });
  },
);

test("an older count of connections never overwrites a newer one (I10)", async () => {
  const { client, store } = startProcess(server);
  const { id } = aCreation();
  await store.create(aCreation({ id, hold: true }));
  await store.resume(aResume(id, { hold: true }));
  const held = await client.hget(`ws:s:{${id}}`, "h");
  await store.release(id);
  await store.release(id);
  expect((await store.presence(id)).nodes).toEqual([]);
  // Runs the script as a late repeat of the first call.
  const entry = (await client.hget(`ws:s:{${id}}`, "h")) ?? "";
  expect(entry).toMatch(/=0\.\d+\.\d+$/);
  expect(Number(/=0\.(\d+)/.exec(entry)?.[1])).toBeGreaterThan(Number(/=\d+\.(\d+)/.exec(held ?? "")?.[1]));
});

test("a registered connection is removed if the answer of its call never came (I10)", async () => {
  const { proxy, process, onlooker } = await settledBehindProxy(FAILS_MS);
  const { id } = aCreation();
  await process.store.create(aCreation({ id, hold: true }));
  proxy.replies("drop");
  await rejection(process.store.resume(aResume(id, { hold: true })));
  proxy.replies("pass");
  proxy.cut();
  await until(async () => (await onlooker.store.presence(id)).nodes[0]?.connections === 1);
});

test.each([
  { type: "stolen", subjects: [undefined], graceMs: 0 },
  { type: "wrong", subjects: [undefined, undefined], graceMs: 0 },
  { type: "foreign", subjects: ["bob"], graceMs: 60_000 },
])(
  "a registered connection is removed if the repeated call answers $type (I10)",
  async ({ type, subjects, graceMs }) => {
    const { proxy, process, onlooker } = await settledBehindProxy();
    const { id, digest } = aCreation();
    await onlooker.store.create(aCreation({ id, digest, subject: "ada" }));
    const rotation = { id, renewalMs: 60_000, graceMs, fence: undefined, known: 1 };
    proxy.replies("drop");
    const resuming = process.store.resume(aResume(id, { digest, subject: "ada", hold: true }));
    const holders = async (): Promise<number> => (await onlooker.store.presence(id)).nodes.length;
    await until(async () => (await holders()) === 1);
    for (const subject of subjects) {
      const secrets = { digest: newDigest(), renewalDigest: newDigest() };
      await onlooker.store.rotate({ ...rotation, ...secrets, subject });
    }
    proxy.replies("pass");
    proxy.cut();
    expect(await resuming).toEqual({ type });
    await until(async () => (await holders()) === 0);
  },
);

test("the record that detects a writer's repeats is kept until a minute after the last possible repeat, and no longer (I10)", async () => {
  const { store } = startProcess(server);
  const { id } = aCreation();
  await store.create(aCreation({ id }));
  const client = new Redis(server.port);
  onTestFinished(() => client.disconnect());
  const [key = ""] = await client.keys(`*{${id}}`);
  const [seconds = "0"] = await client.time();
  const ago = (ms: number): number => Number(seconds) * 1_000 - ms;
  // The last writes of two other processes. Their last possible repeats were 30 and 90 seconds ago.
  await client.hset(key, "wrecent", `7 1 ${ago(30_000)}`, "wlong-ago", `7 1 ${ago(90_000)}`);
  await store.write(aWrite(id, { n: 1 }));
  const fields = await client.hkeys(key);
  expect(fields).toContain("wrecent");
  expect(fields).not.toContain("wlong-ago");
});

test("errors of the store contain no data, no token and no digest", async () => {
  const { proxy, process } = await settledBehindProxy(FAILS_MS);
  const creation = aCreation();
  await process.store.create(creation);
  proxy.replies("drop");
  const secret = "correct horse battery staple";
  const errors = await Promise.all([
    rejection(process.store.write(aWrite(creation.id, { secret }))),
    rejection(process.store.resume(aResume(creation.id, { digest: creation.digest }))),
    rejection(process.store.create(aCreation({ data: { secret } }))),
  ]);
  await process.client.disconnect();
  errors.push(await rejection(process.store.write(aWrite(creation.id, { secret }))));
  for (const error of errors) {
    expect(isSessionError(error, "STORE_UNAVAILABLE")).toBe(true);
    const reported =
      JSON.stringify(error, Object.getOwnPropertyNames(error)) +
      String(error instanceof Error && error.cause);
    expect(reported).not.toContain(secret);
    expect(reported).not.toContain(creation.digest);
  }
});

import { createSessions } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import { nextOf, startApplication } from "./applications.ts";
import { connect } from "./runtimes.ts";
import type { RuntimeName } from "./runtimes.ts";
import { newPrefix, openStore } from "./stores.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";

const redis = useRedisServer();

const command = (what: object) => JSON.stringify(what);

/** A process of each runtime, and a client at each: both of one session. */
async function twoProcesses() {
  const prefix = newPrefix();
  const start = (runtime: RuntimeName) => startApplication(redis.port, prefix, runtime);
  const [one, two] = await Promise.all([start("ws"), start("uws")]);
  const first = await connect(one);
  const { id, token } = await nextOf(first, "open");
  const second = await connect(two, `/?token=${token}`);
  return { prefix, id, token, one, two, first, second, resumed: await nextOf(second, "open") };
}

test("a session of one process is resumed by another process on the same Redis, with its data", async () => {
  const { id, resumed } = await twoProcesses();
  expect(resumed).toMatchObject({ id, resumed: true, data: { n: 0 } });
});

test("I8 a change made in one process reaches the other's session.data and its change handler, both ways", async () => {
  const { first, second } = await twoProcesses();
  first.send(command({ do: "patch", fields: { n: 5, note: "from the first" } }));
  expect((await nextOf(second, "change")).data).toEqual({ n: 5, note: "from the first" });
  second.send(command({ do: "read" }));
  expect(await nextOf(second, "done")).toMatchObject({ version: 2, data: { n: 5, note: "from the first" } });
  await nextOf(first, "done");
  second.send(command({ do: "update", times: 3 }));
  await nextOf(second, "done");
  // Announcements are hints: a process may read several changes at once.
  const received = [5];
  while (received.at(-1) !== 8) received.push((await nextOf(first, "change")).data.n);
  expect(received).toEqual(received.toSorted((a, b) => a - b));
});

test("I9 a destroy in one process closes the other's sockets with 4410 and its reason", async () => {
  const { first, second, token, two } = await twoProcesses();
  first.send(command({ do: "destroy" }));
  const expected = { code: 4410, reason: "by command" };
  expect(await Promise.all([first.closed, second.closed])).toEqual([expected, expected]);
  const late = await connect(two, `/?token=${token}`);
  expect((await nextOf(late, "open")).resumed).toBe(false);
});

test("I7 the acknowledged writes of a killed process are there for the other, and its clients can come back", async () => {
  const { one, two, first, token } = await twoProcesses();
  first.send(command({ do: "update", times: 20 }));
  expect((await nextOf(first, "done")).data.n).toBe(20);
  await one.kill();
  expect((await first.closed).code).toBe(1006);
  const back = await connect(two, `/?token=${token}`);
  expect(await nextOf(back, "open")).toMatchObject({ resumed: true, data: { n: 20 } });
});

test('idleFrom "disconnect" of a killed process: the idle time begins with the kill, or up to a tenth earlier', async () => {
  const idleMs = 2_500;
  const prefix = newPrefix();
  const options = { idleMs, idleFrom: "disconnect" } as const;
  const application = await startApplication(redis.port, prefix, "ws", options);
  const client = await connect(application);
  const { id } = await nextOf(client, "open");
  const store = openStore("redis", redis.port, { prefix });
  const observer = createSessions({ store, ...options });
  onTestFinished(() => observer.close());
  const deadline = async () => (await observer.get(id))?.idleExpiresAt ?? 0;
  // A silent session outlives its idle time, because the process touches it while it has the connection.
  const first = await deadline();
  await expect.poll(() => Date.now()).toBeGreaterThan(first + 100);
  const before = Date.now();
  await application.kill();
  const after = Date.now();
  const end = await deadline();
  // The deadline is reckoned from the arrival of the answer, which a busy machine may delay.
  const lateMs = Date.now() - after;
  // On a machine under load a touch may arrive late.
  expect(end).toBeGreaterThan(before + idleMs * 0.9 - 1_000);
  expect(end).toBeLessThanOrEqual(after + idleMs + lateMs + 20);
  // No process touches the session now. The session expires in time: other processes do not keep the dead process's session alive.
  await expect.poll(async () => observer.get(id), { interval: 20 }).toBeUndefined();
  expect(Date.now()).toBeGreaterThanOrEqual(end - lateMs - 20);
  // Less than the lease of the dead process.
  expect(Date.now()).toBeLessThan(end + 10_000);
});

test("presence counts the connections of both processes", async () => {
  const { id, prefix } = await twoProcesses();
  const sessions = createSessions({ store: openStore("redis", redis.port, { prefix }) });
  expect(await sessions.presence(id)).toMatchObject({ connections: 2, missing: [] });
  expect((await sessions.presence(id)).nodes).toHaveLength(2);
  await sessions.close();
});

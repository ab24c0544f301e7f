import { Redis } from "ioredis";
import type { SessionEvent } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import { aCreation } from "./fake-host.ts";
import { startProcess } from "./processes.ts";
import { startRedis, until } from "./redis-server.ts";

test("fault B6: at maxmemory sessions whose presence is recorded leave, each once, as soon as there is memory again", async () => {
  const small = await startRedis(["--maxmemory-policy", "noeviction"]);
  onTestFinished(() => small.stop());
  const { store } = startProcess(small, { leaseMs: 600 });
  const left: SessionEvent[] = [];
  store.track({
    leaveAfterMs: 200,
    isAlways: true,
    events: new Set(["left"]),
    deliver: async (_, event) => void left.push(event),
  });
  const ids = Array.from({ length: 3 }, () => aCreation().id);
  for (const id of ids) await store.create(aCreation({ id, subject: "ada", hold: true }));
  const client = new Redis(small.port);
  onTestFinished(() => client.disconnect());
  await client.config("SET", "maxmemory", "1");
  // A new session needs memory, and is refused.
  await expect(store.create(aCreation({ subject: "bob", hold: true }))).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
  });
  await Promise.allSettled(ids.map((id) => store.release(id)));
  expect(await store.presenceOfSubject("ada")).toMatchObject({ sessions: [{}, {}, {}] });
  await client.config("SET", "maxmemory", "0");
  await until(() => left.length >= ids.length);
  expect(left.map(({ sessionId }) => sessionId).toSorted()).toEqual(ids.toSorted());
  expect((await store.presenceOfSubject("ada")).type).toBe("offline");
});

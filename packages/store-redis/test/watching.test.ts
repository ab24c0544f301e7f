import { expect, test } from "vitest";
import { sweepPause } from "../src/base/pace.ts";
import { aCreation } from "./fake-host.ts";
import { startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();
/** For what a busy machine adds to a bound. */
const SLACK_MS = 500;

test("a change whose message is lost is reported within sweepMs, and the next changes are reported at once", async () => {
  const sweepMs = 800;
  const prefix = `t${aCreation().id}`;
  const [a, b] = [startProcess(server, { prefix }), startProcess(server, { prefix, sweepMs })];
  for (const { store } of [a, b])
    store.track({ leaveAfterMs: 60_000, isAlways: true, events: new Set(), deliver: async () => undefined });
  const told: string[] = [];
  const { id } = aCreation();
  await a.store.create(aCreation({ id, subject: "ada", hold: true }));
  await b.store.watch(["ada"], ({ type }) => told.push(type));
  // As a server that has lost data: it does not know who watches.
  await b.client.del(...(await b.client.keys(`${prefix}:w:*`)));
  const lostAt = performance.now();
  await a.store.release(id);
  await until(() => told.at(-1) === "away");
  expect(performance.now() - lostAt).toBeLessThan(sweepMs + SLACK_MS);
  const toldAt = performance.now();
  await a.store.resume({
    ...{ id, digest: undefined, nextDigest: undefined, subject: undefined, exclusive: false },
    ...{ idleMs: 60_000, hold: true },
  });
  await until(() => told.at(-1) === "online");
  expect(performance.now() - toldAt).toBeLessThan(sweepMs / 2);
  expect(told).toEqual(["online", "away", "online"]);
});

test.each([0, 10, 4_000, 7_500, 11_250])(
  "sweeps that take %i ms each read every subject again within sweepMs",
  (tookMs) => {
    const sweepMs = 30_000;
    for (const random of [0, 0.5, 0.999])
      expect(tookMs + sweepPause(sweepMs, tookMs, random) + tookMs).toBeLessThanOrEqual(sweepMs);
  },
);

test("sweeps that take longer than sweepMs, because Redis is overloaded, leave pauses", () => {
  expect(sweepPause(30_000, 40_000)).toBe(7_500);
});

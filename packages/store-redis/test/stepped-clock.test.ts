// The clock of the Redis server is set while sessions are live. Needs a C compiler, for a library that changes the clock of one process.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SessionEventType } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import { aCreation, hold, newId } from "./fake-host.ts";
import { type Process, startProcess } from "./processes.ts";
import { cli, startRedis, until } from "./redis-server.ts";

const canStep = process.platform === "linux" && spawnSync("cc", ["--version"]).status === 0;
const HOUR_S = 3_600;
const LONG_MS = 3 * HOUR_S * 1_000;

/** A Redis server whose clock can be set. */
async function startStepped() {
  const folder = mkdtempSync(join(tmpdir(), "wsession-clock-"));
  const [library, offset] = [join(folder, "clock.so"), join(folder, "offset")];
  execFileSync("cc", ["-shared", "-fPIC", "-o", library, join(import.meta.dirname, "stepped-clock.c")]);
  const step = (seconds: number): void => writeFileSync(offset, String(seconds));
  step(0);
  const server = await startRedis([], { LD_PRELOAD: library, CLOCK_OFFSET_FILE: offset });
  onTestFinished(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });
  return { server, step, seconds: async () => Number((await cli(server.port, "time")).split("\n")[0]) };
}

/** Resolves after the sweep that follows the first watch of a process by a second. */
async function firstSweepOf({ store }: Process): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  // The process may have stalled, so that the sweep begins only now. The sweep needs four replies on the connection of these calls.
  for (let calls = 0; calls < 6; calls += 1) await store.presenceOfSubject("ada");
}

test.skipIf(!canStep).each([HOUR_S, -HOUR_S])(
  "the server's clock is set by %i seconds: held sessions stay online without an event, and later changes and events come in time",
  async (seconds) => {
    const stepped = await startStepped();
    const prefix = `t${newId()}`;
    const events: string[] = [];
    const start = (options: Parameters<typeof startProcess>[1]): Process => {
      const started = startProcess(stepped.server, { prefix, ...options });
      started.store.track({
        ...{ leaveAfterMs: 300, isAlways: true },
        events: new Set<SessionEventType>(["left", "expired", "destroyed"]),
        deliver: async (type, { subject }) => void events.push(`${subject} ${type}`),
      });
      return started;
    };
    // The step ends the lease of each process, until the next renewal. A read of the watcher or of its queue meanwhile would find the session
    // without a process, so the watcher has no sweep and no renewal during the test. Its list of subjects outlives the hour.
    const [a, b] = [
      start({ leaseMs: 3_000, sweepMs: 1_500 }),
      start({ leaseMs: 600_000, sweepMs: (HOUR_S / 3) * 1_000 }),
    ];
    const reported: string[] = [];
    await b.store.watch(["ada", "bob"], ({ subject, type }) => reported.push(`${subject} ${type}`));
    const hosted = async (subject: string): Promise<string> => {
      const { id } = aCreation();
      await a.store.create(aCreation({ id, subject, idleMs: LONG_MS, absoluteMs: Infinity }));
      await hold(a.store, a.host, id, { idleMs: LONG_MS });
      return id;
    };
    await hosted("ada");
    await until(() => reported.includes("ada online"));
    await firstSweepOf(b);
    const before = await stepped.seconds();
    stepped.step(seconds);
    expect(Math.abs((await stepped.seconds()) - before - seconds)).toBeLessThan(60);
    const bob = await hosted("bob");
    await until(() => reported.includes("bob online"));
    await a.store.release(bob);
    await until(() => reported.at(-1) === "bob offline" && events.length > 0);
    expect(events).toEqual(["bob left"]);
    await until(async () => (await b.store.presenceOfSubject("ada")).type === "online");
    expect(reported.filter((one) => one.startsWith("ada"))).toEqual(["ada offline", "ada online"]);
    expect(a.host.events.filter(({ type }) => type === "expired")).toEqual([]);
  },
);

// Faults of one redis-server, or of a process. Nothing may be lost.
import { onTestFinished } from "vitest";
import { cli, type RedisServer, startRedis } from "../../../packages/store-redis/test/redis-server.ts";
import type { ApplicationOptions, Where } from "../application.mjs";
import type { RunningCampaign } from "../campaign.ts";
import { withFullMemory } from "../full-memory.ts";
import { again, alike, type FaultCase } from "./case.ts";

function server(
  name: string,
  args: readonly string[],
  faults: (server: RedisServer, running: RunningCampaign) => Promise<void>,
  application?: Partial<ApplicationOptions>,
): FaultCase {
  return {
    name,
    async start() {
      const started = await startRedis(args);
      onTestFinished(() => started.stop());
      const direct: Where = { kind: "standalone", port: started.port };
      return {
        workers: alike(direct),
        direct,
        application,
        faults: (running) => faults(started, running),
      };
    },
  };
}

const LEASE_MS = 1_500;

/** Each process in turn is stopped until its lease has expired. The others continue. */
export const STANDSTILL = server(
  "a process stalls for longer than its lease",
  [],
  async (_, running) => {
    const { workers, progress } = running;
    let turn = 0;
    await again(running, async () => {
      const still = workers[(turn += 1) % workers.length];
      const others = workers.filter((worker) => worker !== still);
      still?.pause();
      try {
        const end = performance.now() + 2 * LEASE_MS;
        do await progress(20, others);
        while (performance.now() < end);
      } finally {
        still?.continue();
      }
    });
  },
  { leaseMs: LEASE_MS },
);

export const FULL_MEMORY = server("memory full, noeviction", [], (at, running) =>
  again(running, () => withFullMemory(at.port, () => running.refusals(running.workers)), 100),
);

export const serverCases: readonly FaultCase[] = [
  server("redis-server stopped and continued", [], (at, running) =>
    again(
      running,
      async () => {
        await running.failures(running.workers, () => at.pause());
        at.continue();
      },
      200,
    ),
  ),
  server(
    "redis-server killed, `appendfsync always`",
    ["--appendonly", "yes", "--appendfsync", "always"],
    (at, running) =>
      again(
        running,
        async () => {
          await at.kill();
          await at.restart();
        },
        150,
      ),
  ),
  server("`CLIENT KILL`", [], (at, running) =>
    again(
      running,
      async () => {
        await cli(at.port, "client", "kill", "type", "normal", "skipme", "yes");
        await cli(at.port, "client", "kill", "type", "pubsub");
      },
      60,
    ),
  ),
  server("`CLIENT PAUSE`", [], (at, running) =>
    again(
      running,
      async () => {
        // Not "doubts": a process whose store is still away after the last pause sends nothing, and has failures alone.
        await running.failures(running.workers, () => cli(at.port, "client", "pause", "1500", "WRITE"));
      },
      200,
    ),
  ),
  server("`SCRIPT FLUSH`", [], (at, running) => again(running, () => cli(at.port, "script", "flush"), 15)),
  FULL_MEMORY,
  STANDSTILL,
];

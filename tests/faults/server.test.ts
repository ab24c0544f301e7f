import { afterEach, expect, test, vi } from "vitest";
import { cli, type RedisServer, startRedis, until } from "../../packages/store-redis/test/redis-server.ts";
import { campaign, type CampaignOptions, type CampaignReport, type RunningCampaign } from "./campaign.ts";

// A campaign on a busy machine takes longer than the usual 30 seconds. Each of its steps has a limit of its own.
vi.setConfig({ testTimeout: 120_000 });

let redis: RedisServer | undefined;

afterEach(async () => {
  await redis?.stop();
  redis = undefined;
});

/** Three processes work on one redis-server during the `faults`. */
async function during(
  server: RedisServer,
  seed: number,
  faults: (running: RunningCampaign) => Promise<void>,
  options: Partial<CampaignOptions> = {},
): Promise<CampaignReport> {
  redis = server;
  const direct = { kind: "standalone", port: server.port } as const;
  return campaign({ workers: [direct, direct, direct], direct, seed, operations: 150, faults, ...options });
}

test("redis-server stopped with SIGSTOP and continued: nothing is lost or applied twice (I8, I10, I11)", async () => {
  const server = await startRedis();
  const report = await during(server, 11, async ({ workers, progress, failures }) => {
    for (let round = 0; round < 2; round += 1) {
      await failures(workers, () => server.pause());
      server.continue();
      await progress(30);
    }
  });
  expect(report.violations).toEqual([]);
  expect(report.unknown).toBeGreaterThan(0);
});

test("redis-server killed with SIGKILL, with appendfsync always: nothing acknowledged is lost (I7 to I10)", async () => {
  const server = await startRedis(["--appendonly", "yes", "--appendfsync", "always"]);
  const report = await during(server, 12, async ({ progress }) => {
    for (let round = 0; round < 3; round += 1) {
      await server.kill();
      await server.restart();
      await progress(30);
    }
  });
  expect(report.violations).toEqual([]);
});

test("CLIENT KILL of every connection, repeatedly: nothing is lost or applied twice (I8, I10)", async () => {
  const server = await startRedis();
  const report = await during(server, 13, async ({ progress }) => {
    for (let round = 0; round < 5; round += 1) {
      await cli(server.port, "client", "kill", "type", "normal", "skipme", "yes");
      await cli(server.port, "client", "kill", "type", "pubsub");
      await progress(8);
    }
  });
  expect(report.violations).toEqual([]);
});

test("CLIENT PAUSE past the calls' deadline, of all commands and of writes only: no change is applied twice, and outcomes are true (I10, I11)", async () => {
  const server = await startRedis();
  const report = await during(server, 14, async ({ workers, progress, failures }) => {
    for (const what of ["ALL", "WRITE"]) {
      // The pause ends by itself, because CLIENT UNPAUSE would have to wait too.
      // A call that was not sent is not applied. The outcome of a sent call is unknown.
      await failures(workers, () => cli(server.port, "client", "pause", "1500", what));
      await progress(30);
    }
  });
  expect(report.violations).toEqual([]);
  expect(report.unknown).toBeGreaterThan(0);
});

test("SCRIPT FLUSH under load: nothing is lost or applied twice (I8, I10)", async () => {
  const server = await startRedis();
  const report = await during(
    server,
    15,
    async ({ progress }) => {
      for (let round = 0; round < 10; round += 1) {
        await cli(server.port, "script", "flush");
        await progress(3);
      }
    },
    // A call that ends because the machine is busy would have an unknown outcome.
    { application: { timeoutMs: 6_000 } },
  );
  expect(report.violations).toEqual([]);
  expect(report.unknown).toBe(0);
});

test("redis-server killed without an append-only file: it starts empty, and nothing is applied twice (I10, I11)", async () => {
  const server = await startRedis();
  const report = await during(
    server,
    16,
    async ({ workers }) => {
      await server.kill();
      await server.restart();
      // Every session is gone. Calls answer that the session is gone, and not that the store failed.
      const { length } = workers;
      await until(
        async () =>
          (await Promise.all(workers.map((worker) => worker.call("counts")))).filter(({ fail }) => fail > 0)
            .length === length,
      );
    },
    { rules: { mayLose: true } },
  );
  expect(report.violations.filter(({ rule }) => rule !== "lost")).toEqual([]);
  expect(report.lost).toBeGreaterThan(0);
});

// The long run: `npm run test:faults -- --seed 7 --ops 100000`. Each fault again and again, under load, to the end; then
// what the losses are where losses are possible. Run by run.mjs; not one of `npm test`'s files.
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import {
  cli,
  type RedisServer,
  startCluster,
  startRedis,
  startSentinel,
  until,
} from "../../packages/store-redis/test/redis-server.ts";
import type { Where } from "./application.mjs";
import { campaign, type CampaignReport, type RunningCampaign } from "./campaign.ts";
import { Resharding } from "./cluster.ts";
import { type Fault, Proxy } from "./proxy.ts";

const SEED = Number(process.env["WSESSION_FAULTS_SEED"] ?? 1);
const OPERATIONS = Number(process.env["WSESSION_FAULTS_OPS"] ?? 100_000);
const STRICT_CASES = 9;
const WORKERS = 3;

const lines: string[] = [];
let operations = 0;
let acknowledged = 0;

afterAll(() => {
  console.log(
    ["", `seed ${SEED}: ${operations} operations, ${acknowledged} of them acknowledged`, ...lines].join("\n"),
  );
});

function note(name: string, report: CampaignReport): void {
  operations += report.operations;
  acknowledged += report.ok;
  const { ok, fail, unknown, resolved, lost, violations, writeTriesMax } = report;
  const others = violations.filter(({ rule }) => rule !== "lost").length;
  lines.push(
    `${name} | ${report.operations} | ${ok} | ${fail} | ${unknown} | ${resolved} | ${lost} | ${others} | ${writeTriesMax}`,
  );
}

/** To the end of the load: `once`, then some work in between. */
async function again(running: RunningCampaign, once: () => Promise<unknown>, between = 40): Promise<void> {
  do {
    await once();
    await running.progress(between);
  } while (!(await running.finished()));
}

async function on(
  workers: readonly Where[],
  direct: Where,
  index: number,
  faults: (running: RunningCampaign) => Promise<void>,
  mayLose = false,
): Promise<CampaignReport> {
  const each = Math.ceil(OPERATIONS / STRICT_CASES / workers.length);
  return campaign({
    workers,
    direct,
    seed: SEED * 100 + index,
    operations: mayLose ? Math.ceil(each / 4) : each,
    rules: { mayLose },
    faults,
  });
}

function alike(where: Where): Where[] {
  return Array.from({ length: WORKERS }, () => where);
}

describe("nothing acknowledged is lost, nothing applied twice:", () => {
  const strict = (
    name: string,
    index: number,
    args: readonly string[],
    faults: (server: RedisServer, running: RunningCampaign) => Promise<void>,
  ): void => {
    test(name, async () => {
      const server = await startRedis(args);
      onTestFinished(() => server.stop());
      const direct: Where = { kind: "standalone", port: server.port };
      const report = await on(alike(direct), direct, index, (running) => faults(server, running));
      note(name, report);
      expect(report.violations).toEqual([]);
    });
  };

  const network = (
    name: string,
    index: number,
    fault: Fault,
    bites: (running: RunningCampaign, start: () => readonly Proxy[]) => Promise<unknown>,
  ): void => {
    test(name, async () => {
      const server = await startRedis();
      onTestFinished(() => server.stop());
      const proxies = await Promise.all(Array.from({ length: WORKERS }, () => Proxy.start(server.port)));
      onTestFinished(async () => void (await Promise.all(proxies.map((proxy) => proxy.stop()))));
      const workers = proxies.map(({ port }): Where => ({ kind: "standalone", port }));
      const report = await on(workers, { kind: "standalone", port: server.port }, index, (running) =>
        again(
          running,
          async () => {
            await bites(running, () => {
              for (const proxy of proxies) proxy.set(fault);
              return proxies;
            });
            for (const proxy of proxies) proxy.set({ type: "none" });
            if (fault.type === "drop") for (const proxy of proxies) proxy.cut();
          },
          150,
        ),
      );
      note(name, report);
      expect(report.violations).toEqual([]);
    });
  };

  network("replies dropped", 1, { type: "drop" }, ({ workers, doubts }, start) => doubts(workers, start));
  network("replies 15 ms late", 2, { type: "delay", ms: 15 }, ({ progress }, start) => {
    start();
    return progress(100);
  });
  network("connections cut in a reply", 3, { type: "cut-in-reply" }, async (_, start) => {
    const proxies = start();
    const goals = proxies.map(({ counts }) => counts.cut + 3);
    await until(() => proxies.every(({ counts }, at) => counts.cut >= (goals[at] ?? 0)));
  });
  strict("redis-server stopped and continued", 4, [], (server, running) =>
    again(
      running,
      async () => {
        await running.doubts(running.workers, () => server.pause());
        server.continue();
      },
      200,
    ),
  );
  strict(
    "redis-server killed, appendfsync always",
    5,
    ["--appendonly", "yes", "--appendfsync", "always"],
    (server, running) =>
      again(
        running,
        async () => {
          await server.kill();
          await server.restart();
        },
        150,
      ),
  );
  strict("CLIENT KILL", 6, [], (server, running) =>
    again(
      running,
      async () => {
        await cli(server.port, "client", "kill", "type", "normal", "skipme", "yes");
        await cli(server.port, "client", "kill", "type", "pubsub");
      },
      60,
    ),
  );
  strict("CLIENT PAUSE", 7, [], (server, running) =>
    again(
      running,
      async () => {
        await running.doubts(running.workers, () => cli(server.port, "client", "pause", "1500", "WRITE"));
      },
      200,
    ),
  );
  strict("SCRIPT FLUSH", 8, [], (server, running) =>
    again(running, () => cli(server.port, "script", "flush"), 15),
  );

  test("slots that move", async () => {
    const cluster = await startCluster();
    onTestFinished(() => cluster.stop());
    const resharding = await Resharding.of(cluster.nodes.slice(0, 3));
    onTestFinished(() => resharding.close());
    const where: Where = { kind: "cluster", ports: cluster.nodes.map(({ port }) => port) };
    const report = await on(alike(where), where, 9, async (running) => {
      let next = 0;
      await again(
        running,
        async () => {
          const id = running.sessions[(next += 1) % running.sessions.length] ?? "";
          await resharding.move(await resharding.slotOf(id), () => running.progress(5));
        },
        10,
      );
    });
    note("slots that move", report);
    expect(report.violations).toEqual([]);
  });
});

describe("what is lost where acknowledged changes may be; nothing is applied twice:", () => {
  const losing = (
    name: string,
    index: number,
    start: () => Promise<{
      where: Where;
      fault: (running: RunningCampaign) => Promise<void>;
      stop: () => Promise<void>;
    }>,
  ): void => {
    test(name, async () => {
      const { where, fault, stop } = await start();
      onTestFinished(stop);
      const report = await on(alike(where), where, index, fault, true);
      note(name, report);
      expect(report.violations.filter(({ rule }) => rule !== "lost" && rule !== "resurrected")).toEqual([]);
    });
  };

  losing("Sentinel failover", 11, async () => {
    const { sentinels, name, master, stop } = await startSentinel();
    return {
      where: { kind: "sentinel", ports: sentinels.map(({ port }) => port), name },
      stop,
      fault: async ({ progress }) => {
        await progress(300);
        await master.kill();
        await progress(200);
      },
    };
  });

  losing("Cluster failover", 12, async () => {
    const { nodes, stop } = await startCluster();
    return {
      where: { kind: "cluster", ports: nodes.map(({ port }) => port) },
      stop,
      fault: async ({ progress }) => {
        await progress(300);
        await nodes[0]?.kill();
        await progress(200);
      },
    };
  });

  for (const [name, index, args] of [
    ["redis-server killed, appendfsync everysec", 13, ["--appendonly", "yes", "--appendfsync", "everysec"]],
    ["redis-server killed, no append-only file", 14, []],
  ] as const) {
    losing(name, index, async () => {
      const server = await startRedis(args);
      return {
        where: { kind: "standalone", port: server.port },
        stop: server.stop,
        fault: async ({ progress }) => {
          await progress(300);
          await server.kill();
          await server.restart();
          if (index === 13) await progress(100);
        },
      };
    });
  }
});

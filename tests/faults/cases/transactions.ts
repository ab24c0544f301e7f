// Faults of transactions between the pages and the store: of clients, servers and their connections. Nothing may be lost.
import { setTimeout as delay } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { cli, startRedis, until } from "../../../packages/store-redis/test/redis-server.ts";
import type { Where } from "../application.mjs";
import type { RunningCampaign } from "../campaign.ts";
import { Proxy } from "../proxy.ts";
import type { Network } from "../transactions/network.ts";
import { again, alike, type FaultCase, type Stage } from "./case.ts";

/** Milliseconds between two faults, in which messages arrive. */
const PAUSE_MS = 60;

function between(
  name: string,
  once: (network: Network, running: RunningCampaign) => Promise<unknown>,
  rest: Pick<FaultCase, "pages"> & Pick<Stage, "inFlight" | "pauseMs"> = {},
): FaultCase {
  const { pages, ...stage } = rest;
  return {
    name,
    pages,
    async start() {
      const server = await startRedis();
      onTestFinished(() => server.stop());
      const direct: Where = { kind: "standalone", port: server.port };
      return {
        ...stage,
        workers: alike(direct),
        direct,
        faults: (running) => again(running, () => once(networkOf(running), running), 10),
      };
    },
  };
}

function networkOf({ network }: RunningCampaign): Network {
  if (network === undefined) throw new Error("this fault is about pages");
  return network;
}

/**
 * Each worker in turn is killed: at any moment, when Redis has commits of the worker whose answers the worker has not received (between
 * commit and ack), or when pages have not received the worker's answers (between ack and delivery).
 */
const KILLED: FaultCase = {
  name: "server killed: at any moment, before the ack, before the delivery",
  async start() {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const direct: Where = { kind: "standalone", port: server.port };
    const proxies = await Promise.all(alike(direct).map(() => Proxy.start(server.port)));
    onTestFinished(async () => void (await Promise.all(proxies.map((proxy) => proxy.stop()))));
    let turn = 0;
    return {
      workers: proxies.map(({ port }): Where => ({ kind: "standalone", port })),
      direct,
      faults: (running) =>
        again(
          running,
          async () => {
            const network = networkOf(running);
            const place = (turn += 1) % proxies.length;
            const proxy = proxies[place];
            const worker = running.workers[place];
            if (proxy === undefined || worker === undefined) throw new Error("each worker has a proxy");
            const before = proxy.counts.dropped;
            if (turn % 3 === 0) proxy.set({ type: "drop" }, "commands");
            if (turn % 3 === 1) network.set({ type: "deaf" });
            if (turn % 3 === 0) await until(() => proxy.counts.dropped > before);
            else await delay(20 * (turn % 5));
            const restarted = running.restart(worker);
            proxy.set({ type: "none" });
            network.set({ type: "none" });
            // Pages that received nothing would wait for the next sign of life.
            if (turn % 3 === 1) network.cut();
            await restarted;
          },
          10,
        ),
    };
  },
};

export const transactionCases: readonly FaultCase[] = [
  between("pages' connections cut", async (network) => {
    network.cut(0.5);
    await delay(PAUSE_MS);
  }),
  between("half-open connections, whose messages come late", async (network) => {
    network.set({ type: "late", ms: 40 });
    await delay(PAUSE_MS);
    network.abandon(150);
    network.set({ type: "none" });
    await delay(PAUSE_MS);
  }),
  KILLED,
  between("another writer that changes the session all the time", () => delay(PAUSE_MS), {
    inFlight: 8,
    pauseMs: 0,
    pages: { sessions: 2 },
  }),
  between(
    "more pages of a session than the session has client records, connections cut",
    async (network) => {
      network.cut(0.3);
      await delay(PAUSE_MS);
    },
    { pages: { sessions: 6, atOnce: 12, perSession: 12, pauseMs: 40, perPage: 12, window: 2 } },
  ),
];

/** A replica that has not received the last changes takes over. */
export const OLDER_STATE: FaultCase = {
  name: "older state after a failover",
  rules: { mayLose: true },
  async start() {
    const [primary, replica] = [await startRedis(["--repl-diskless-sync-delay", "0"]), await startRedis()];
    onTestFinished(async () => void (await Promise.all([primary.stop(), replica.stop()])));
    await cli(replica.port, "replicaof", primary.host, String(primary.port));
    await until(async () => (await cli(replica.port, "info", "replication")).includes("link_status:up"));
    const name = await Proxy.start(primary.port);
    onTestFinished(() => name.stop());
    const where: Where = { kind: "standalone", port: name.port };
    return {
      workers: alike(where),
      direct: where,
      async faults({ progress }) {
        await progress(60);
        await cli(replica.port, "replicaof", "no", "one");
        await progress(60);
        name.leadTo(replica.port);
        await primary.kill();
        await progress(60);
      },
    };
  },
};

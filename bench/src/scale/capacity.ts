import { setTimeout as delay } from "node:timers/promises";
import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { startRedis } from "../kit/redis.ts";
import type { RedisServer } from "../kit/redis.ts";
import { progress, single } from "../kit/report.ts";
import type { Figure, Options } from "../kit/report.ts";
import { ServerProcess } from "../kit/server-process.ts";
import { plan } from "./capacity-model.ts";
import { PATIENCE_MS } from "../kit/patience.ts";

const SIZES = [5_000, 20_000, 60_000];
const QUICK_SIZES = [200];
/** Shorter than the default, so that a window has many sweeps. */
const SWEEP_MS = 5_000;
const SWEEPS_MS = 75_000;
const QUICK_SWEEPS_MS = 500;
const CHANGES = 200;
const QUICK_CHANGES = 20;
const IDLE_MS = 200;

/** What the capacity model computes, measured at three sizes. */
export async function measureCapacity(options: Options): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const sessions of options.quick ? QUICK_SIZES : SIZES)
    figures.push(...(await measure(sessions, options)));
  return figures;
}

async function measure(sessions: number, options: Options): Promise<Figure[]> {
  const model = plan({ sessions, sweepMs: SWEEP_MS, foreignChanges: 1, drainMs: 60_000 });
  const redis = await startRedis();
  const children: ServerProcess[] = [];
  try {
    const before = await redis.info("memory", "used_memory");
    const servers = await open(redis, sessions, model.processes, children);
    let processBytes = 0;
    for (const server of servers) processBytes += (await server.ask("memory"))["rss"] ?? Number.NaN;
    const redisBytes = (await redis.info("memory", "used_memory")) - before;
    progress(`${sessions} sessions on ${model.processes} processes`);
    // The first sweep of a process reads all sessions. The model describes the later sweeps.
    await delay(options.quick ? 0 : 2 * SWEEP_MS);
    const windowMs = options.quick ? QUICK_SWEEPS_MS : SWEEPS_MS;
    const readsBefore = await callsOf(redis, "hmget");
    await delay(windowMs);
    const sweepReads = ((await callsOf(redis, "hmget")) - readsBefore) / (windowMs / 1_000);
    const announcements = await announcementsPerChange(redis, options.quick ? QUICK_CHANGES : CHANGES);
    const figure = (field: string, value: number, computed: number, what: string, digits = 0): Figure => ({
      field: `${field}At${sessions}`,
      value: single(value),
      what: `${what}; the model computes ${computed.toFixed(digits)}`,
      digits,
    });
    const megabyte = 1_000_000;
    return [
      figure("redisMegabytes", redisBytes / megabyte, model.redisBytes / megabyte, "memory of Redis", 1),
      figure(
        "processMegabytes",
        processBytes / megabyte,
        model.processBytes / megabyte,
        `resident memory of ${model.processes} processes`,
      ),
      figure("sweepReads", sweepReads, model.sweepReads, `HMGET a second, sweepMs ${SWEEP_MS}`),
      figure("announcements", announcements, model.announcements, "PUBLISH for a foreign change", 2),
    ];
  } finally {
    await Promise.all(children.map((child) => child.kill()));
    await redis.stop();
  }
}

/** Opens connections, evenly over the processes. Pushes each process to `children`; returns the servers. */
async function open(
  redis: RedisServer,
  sessions: number,
  processes: number,
  children: ServerProcess[],
): Promise<readonly ServerProcess[]> {
  const servers: ServerProcess[] = [];
  for (let index = 0; index < processes; index += 1) {
    const first = Math.round((sessions * index) / processes);
    const next = Math.round((sessions * (index + 1)) / processes);
    const args = [String(redis.port), "small", "ws", String(SWEEP_MS)];
    const server = await ServerProcess.start("app-redis", { args, execArgv: ["--expose-gc"] });
    children.push(server);
    servers.push(server);
    const clients = await ServerProcess.start("idle-clients", { args: [String(server.port), String(first)] });
    children.push(clients);
    await clients.ask("open", String(next - first));
  }
  return servers;
}

/** PUBLISH commands for each change by a process that does not hold the session. */
async function announcementsPerChange(redis: RedisServer, changes: number): Promise<number> {
  const client = new Redis(redis.port, "127.0.0.1");
  const sessions = createSessions<{ visits: number }>({
    store: redisStore({ client, timeoutMs: PATIENCE_MS }),
  });
  try {
    const ids: string[] = [];
    for (let index = 0; index < changes; index += 1)
      ids.push(...(await sessions.bySubject(`user-${index}`)).map(({ id }) => id));
    // Processes also probe their subscriptions with PUBLISH, so count the PUBLISH commands without changes first.
    const start = performance.now();
    const before = await callsOf(redis, "publish");
    await delay(IDLE_MS);
    const idle = ((await callsOf(redis, "publish")) - before) / (performance.now() - start);
    const begin = performance.now();
    const first = await callsOf(redis, "publish");
    for (const id of ids) await (await sessions.get(id))?.update((data) => ({ ...data, visits: 0 }));
    const published = (await callsOf(redis, "publish")) - first;
    return (published - idle * (performance.now() - begin)) / ids.length;
  } finally {
    await sessions.close();
    client.disconnect();
  }
}

/** Returns how often Redis has run a command. */
async function callsOf(redis: RedisServer, command: string): Promise<number> {
  const found = new RegExp(`^cmdstat_${command}:calls=([0-9]+)`, "m").exec(
    await redis.client.info("commandstats"),
  );
  return Number(found?.[1] ?? 0);
}

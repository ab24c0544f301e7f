import { startRedis } from "../kit/redis.ts";
import { progress, single } from "../kit/report.ts";
import type { Figure, Options } from "../kit/report.ts";
import { ServerProcess } from "../kit/server-process.ts";

/** A process opens 20,000 files at most, and holds connections on one side only. */
const PROCESSES = 4;
const QUICK_PROCESSES = 2;

/**
 * The number of live sessions in Redis, each with a connection, on several processes; and the memory of a connection, beyond
 * bare ws.
 */
export async function measureLive(options: Options): Promise<Figure[]> {
  const each = options.quick ? 100 : 15_500;
  const processes = options.quick ? QUICK_PROCESSES : PROCESSES;
  const redis = await startRedis();
  try {
    const bare = await open("echo", ["bare-ws"], each, 1);
    const live = await open("app-redis", [String(redis.port)], each, processes);
    return [
      {
        field: "live",
        value: single(live.connections),
        target: { atLeast: options.quick ? 1 : 60_000 },
        what: `live sessions in Redis over ${processes} processes`,
        digits: 0,
      },
      {
        field: "liveHeapBytes",
        value: single(live.heap - bare.heap),
        what: "heap a connection with its session in Redis, over bare ws",
        digits: 0,
      },
      {
        field: "liveRssBytes",
        value: single(live.rss - bare.rss),
        what: "resident memory, the same way",
        digits: 0,
      },
    ];
  } finally {
    await redis.stop();
  }
}

async function open(
  module: string,
  args: readonly string[],
  each: number,
  processes: number,
): Promise<{ connections: number; heap: number; rss: number }> {
  const servers: ServerProcess[] = [];
  const clients: ServerProcess[] = [];
  let heap = 0;
  let rss = 0;
  let connections = 0;
  try {
    for (let index = 0; index < processes; index += 1) {
      const server = await ServerProcess.start(module, { args, execArgv: ["--expose-gc"] });
      servers.push(server);
      const from = [String(server.port), String(index * (each + 100))];
      const client = await ServerProcess.start("idle-clients", { args: from });
      clients.push(client);
      await client.ask("open", "100");
      const before = await server.ask("memory");
      await client.ask("open", String(each));
      const after = await server.ask("memory");
      heap += ((after["heapUsed"] ?? Number.NaN) - (before["heapUsed"] ?? Number.NaN)) / each / processes;
      rss += ((after["rss"] ?? Number.NaN) - (before["rss"] ?? Number.NaN)) / each / processes;
      progress(`${module}: ${(index + 1) * (each + 100)} connections`);
    }
    // Count the connections at the clients, because the clients have the count also if a server has ended.
    for (const client of clients) connections += (await client.ask("connections"))["count"] ?? Number.NaN;
  } finally {
    await Promise.all([...clients, ...servers].map((child) => child.kill()));
  }
  return { connections, heap, rss };
}

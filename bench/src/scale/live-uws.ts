import { setTimeout as delay } from "node:timers/promises";
import { startRedis } from "../kit/redis.ts";
import { progress, single } from "../kit/report.ts";
import type { Figure, Options } from "../kit/report.ts";
import { ServerProcess } from "../kit/server-process.ts";
import { quantile } from "../kit/stats.ts";

const CONNECTIONS = 250_000;
const QUICK_CONNECTIONS = 200;
/** A process opens 20,000 files at most, and holds connections on one side only. */
const PROCESSES = 13;
/** Handshakes at once: enough that no side waits for the other, and few enough that each is answered within the deadline of an admission. */
const AT_ONCE = 100;
/** The servers on uWebSockets.js listen on two addresses. */
const ADDRESSES = 2;
/** The first connections of a process load code and make tables. They are not measured. */
const FIRST = 100;
/** Two intervals of the heartbeat, so that each connection is pinged twice, whenever it was opened. */
const IDLE_MS = 60_000;
const SPEAKING_MS = 20_000;
const QUICK_MS = 200;

interface Measured {
  readonly connections: number;
  /** Bytes a connection. */
  readonly heap: number;
  readonly rss: number;
  /** The CPU time of the servers for each connection and second, in microseconds. */
  readonly idleCpu: number;
  readonly speakingCpu: number;
  /** Milliseconds. */
  readonly latencies: readonly number[];
  readonly unanswered: number;
}

/**
 * Live sessions in Redis on uWebSockets.js, over many processes, beside the connections of one process with bare uWebSockets.js. First
 * all are idle, then one in a hundred sends a message each second.
 */
export async function measureLiveUws(options: Options): Promise<Figure[]> {
  const processes = options.quick ? 1 : PROCESSES;
  const wanted = options.quick ? QUICK_CONNECTIONS : CONNECTIONS * options.rounds;
  const each = Math.ceil(wanted / processes);
  const bare = await measure("echo", ["bare-uws-pinging"], each, 1, options);
  const redis = await startRedis();
  try {
    const live = await measure("app-redis", [String(redis.port), "small", "uws"], each, processes, options);
    const figure = (field: string, of: (measured: Measured) => number, what: string, digits = 0): Figure => ({
      field,
      value: single(of(live)),
      what: `${what}; bare uWS: ${of(bare).toFixed(digits)}`,
      digits,
    });
    return [
      {
        ...figure("liveUws", ({ connections }) => connections, `live sessions over ${processes} processes`),
        target: { atLeast: wanted },
      },
      figure("liveUwsHeapBytes", ({ heap }) => heap, "heap a connection"),
      figure("liveUwsRssBytes", ({ rss }) => rss, "resident memory a connection"),
      figure("liveUwsIdleCpu", ({ idleCpu }) => idleCpu, "µs of CPU a second and idle connection", 2),
      figure("liveUwsSpeakingCpu", ({ speakingCpu }) => speakingCpu, "the same while 1 % speak", 2),
      figure("liveUwsP50Ms", ({ latencies }) => quantile(latencies, 0.5), "ms from a message to its echo", 2),
      figure("liveUwsP99Ms", ({ latencies }) => quantile(latencies, 0.99), "the same, p99", 2),
      figure("liveUwsUnanswered", ({ unanswered }) => unanswered, "messages without an echo"),
    ];
  } finally {
    await redis.stop();
  }
}

async function measure(
  module: string,
  args: readonly string[],
  each: number,
  processes: number,
  options: Options,
): Promise<Measured> {
  const servers: ServerProcess[] = [];
  const clients: ServerProcess[] = [];
  const total = each * processes;
  const cpuOf = async (during: () => Promise<unknown>): Promise<number> => {
    const before = await Promise.all(servers.map((server) => server.cpu()));
    const from = performance.now();
    await during();
    const after = await Promise.all(servers.map((server) => server.cpu()));
    const used = after.reduce((sum, cpu, index) => sum + cpu - (before[index] ?? Number.NaN), 0);
    return used / total / ((performance.now() - from) / 1_000);
  };
  try {
    // All servers listen before there are many connections, because those occupy most of the ports.
    for (let index = 0; index < processes; index += 1)
      servers.push(await ServerProcess.start(module, { args, execArgv: ["--expose-gc"] }));
    const memory = await openAll(servers, clients, each, module);
    const idleCpu = await cpuOf(() => delay(options.quick ? QUICK_MS : IDLE_MS));
    let unanswered = 0;
    const speakingMs = String(options.quick ? QUICK_MS : SPEAKING_MS);
    const speakingCpu = await cpuOf(async () => {
      for (const { count = 0 } of await Promise.all(clients.map((client) => client.ask("speak", speakingMs))))
        unanswered += count;
    });
    const answers = await Promise.all(clients.map((client) => client.ask("latencies")));
    const latencies = answers.flatMap((answer) => Object.values(answer));
    progress(`${module}: ${latencies.length} echoes`);
    const open = await Promise.all(clients.map((client) => client.ask("connections")));
    const connections = open.reduce((sum, { count = 0 }) => sum + count, 0);
    return { ...memory, connections, idleCpu, speakingCpu, latencies, unanswered };
  } finally {
    await Promise.all([...clients, ...servers].map((child) => child.kill()));
  }
}

/** Opens `each` connections to each server, from a process of clients for each. Pushes these processes to `clients`. */
async function openAll(
  servers: readonly ServerProcess[],
  clients: ServerProcess[],
  each: number,
  module: string,
): Promise<Pick<Measured, "heap" | "rss">> {
  let heap = 0;
  let rss = 0;
  const measured = (each - FIRST) * servers.length;
  for (const [index, server] of servers.entries()) {
    const client = await ServerProcess.start("idle-clients", {
      args: [server.port, index * each, AT_ONCE, ADDRESSES].map(String),
    });
    clients.push(client);
    await client.ask("open", String(FIRST));
    const before = await server.ask("memory");
    await client.ask("open", String(each - FIRST));
    const after = await server.ask("memory");
    heap += ((after["heapUsed"] ?? Number.NaN) - (before["heapUsed"] ?? Number.NaN)) / measured;
    rss += ((after["rss"] ?? Number.NaN) - (before["rss"] ?? Number.NaN)) / measured;
    progress(`${module}: ${(index + 1) * each} connections`);
  }
  return { heap, rss };
}

import { startRedis } from "./kit/redis.ts";
import { printTable, progress, readOptions, report } from "./kit/report.ts";
import type { Figure } from "./kit/report.ts";
import { ServerProcess } from "./kit/server-process.ts";
import { quantile, ratio } from "./kit/stats.ts";
import { socketioClient, wsessionClient } from "./resume/clients.ts";
import type { Client } from "./resume/clients.ts";

// The time until a client that lost its connection has its state again, compared with Socket.IO's connection
// state recovery.

const options = readOptions();
const CLIENTS = options.quick ? 4 : 20;
/**
 * The number of times the servers are restarted, because the memory layout of code and heap differs between
 * starts.
 */
const STARTS = options.quick ? 1 : 3;
const ROUNDS = options.quick ? 2 : Math.max(2, Math.round(20 * options.rounds));
const WARM_UP = options.quick ? 1 : 10;
/** The time limit for a server to detect that its clients have disconnected. */
const NOTICE_MS = 10_000;

/**
 * When the clients return, and how often per round: as soon as the server has detected their absence, or this
 * many milliseconds later. Nothing runs in that time, so the first client finds the CPU caches cold.
 */
const WAITS = {
  none: { ms: 0, turns: options.quick ? 3 : 30 },
  idle: { ms: 30, turns: options.quick ? 1 : 10 },
};
type Wait = keyof typeof WAITS;

const SIDES = ["wsession", "wsession on uWS", "Socket.IO", "floor"] as const;
type Side = (typeof SIDES)[number];
type BySide<Value> = Record<Side, Value>;

interface Subject {
  readonly server: ServerProcess;
  readonly clients: readonly Client[];
  /** Other connections than those of the clients. */
  readonly staying: number;
}

/** Milliseconds, by round. */
type Times = BySide<number[][]>;

function noTimes(): Times {
  return { wsession: [], "wsession on uWS": [], "Socket.IO": [], floor: [] };
}

/**
 * Waits until the server has detected that its clients are gone, because that work (for Socket.IO, also saving
 * their state) must not be measured.
 */
async function noticed(server: ServerProcess, staying: number): Promise<void> {
  const deadline = performance.now() + NOTICE_MS;
  while ((await server.ask("connections"))["connections"] !== staying) {
    if (performance.now() > deadline) throw new Error("the server does not notice that its clients are gone");
  }
}

/** Clients return one at a time, so that none waits for another. */
async function measure({ server, clients, staying }: Subject, wait: Wait): Promise<number[]> {
  const times: number[] = [];
  const { ms, turns } = WAITS[wait];
  for (let turn = 0; turn < turns; turn += 1) {
    await Promise.all(clients.map((client) => client.drop()));
    await noticed(server, staying);
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    for (const client of clients) times.push(await client.comeBack());
  }
  return times;
}

async function connect(
  server: ServerProcess,
  open: (number: number) => Promise<Client>,
  staying = 0,
): Promise<Subject> {
  const clients: Client[] = [];
  for (let number = 0; number < CLIENTS; number += 1) clients.push(await open(number));
  return { server, clients, staying };
}

/** Measures rounds of returns to four servers, which are started for them. */
async function compare(redisPort: number, times: Record<Wait, Times>): Promise<void> {
  const servers: ServerProcess[] = [];
  const start = async (module: string, ...more: string[]): Promise<ServerProcess> => {
    const server = await ServerProcess.start(module, { args: [String(redisPort), ...more] });
    servers.push(server);
    return server;
  };
  try {
    const ws = await start("app-redis");
    const uws = await start("app-redis", "small", "uws");
    const socketio = await start("resume-socketio");
    const floor = await start("resume-floor");
    // One permanent connection, as any real server has: without one, uWS prints a warning for each
    // asynchronous upgrade.
    const staying = await wsessionClient(uws.port, CLIENTS);
    const subjects: BySide<Subject> = {
      wsession: await connect(ws, (number) => wsessionClient(ws.port, number)),
      "wsession on uWS": await connect(uws, (number) => wsessionClient(uws.port, number), 1),
      "Socket.IO": await connect(socketio, () => socketioClient(socketio.port)),
      floor: await connect(floor, (number) => wsessionClient(floor.port, number)),
    };
    for (let round = 0; round < WARM_UP; round += 1)
      for (const side of SIDES) await measure(subjects[side], "none");
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const wait of ["none", "idle"] as const) {
        for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed())
          times[wait][side].push(await measure(subjects[side], wait));
      }
    }
    for (const client of [staying, ...SIDES.flatMap((side) => subjects[side].clients)]) client.close();
  } finally {
    await Promise.all(servers.map((server) => server.kill()));
  }
}

const redis = await startRedis();
try {
  const times: Record<Wait, Times> = { none: noTimes(), idle: noTimes() };
  for (let started = 1; started <= STARTS; started += 1) {
    await compare(redis.port, times);
    progress(`start ${started}/${STARTS}`);
  }
  const all = (wait: Wait, side: Side, part: number): string =>
    quantile(times[wait][side].flat(), part).toFixed(2);
  printTable(
    "Coming back, ms",
    ["", "p50", "p99", `p50 after ${WAITS.idle.ms} ms`, `p99 after ${WAITS.idle.ms} ms`],
    SIDES.map((side) => [
      side,
      all("none", side, 0.5),
      all("none", side, 0.99),
      all("idle", side, 0.5),
      all("idle", side, 0.99),
    ]),
  );
  /** The ratio to Socket.IO's time, round by round. */
  const over = (side: Side, wait: Wait, part: 0.5 | 0.99): Omit<Figure, "field" | "what"> => {
    const each = (of: Side): number[] => times[wait][of].map((round) => quantile(round, part));
    return { value: ratio(each(side), each("Socket.IO")), worthlessOver: part === 0.5 ? 0.1 : 0.2 };
  };
  const target = { atMost: 0.5 };
  const tail = "99th percentile, the same way";
  const idle = `after ${WAITS.idle.ms} ms in which nothing ran`;
  report(
    `Drop and come back with state: ${CLIENTS} clients, one at a time`,
    [
      {
        field: "resumeP50VsSocketio",
        ...over("wsession", "none", 0.5),
        target,
        what: "median, adapter-ws, over Socket.IO's recovery on Redis Streams",
      },
      { field: "resumeP99VsSocketio", ...over("wsession", "none", 0.99), target, what: tail },
      { field: "resumeIdleP50VsSocketio", ...over("wsession", "idle", 0.5), what: `median, ${idle}` },
      { field: "resumeIdleP99VsSocketio", ...over("wsession", "idle", 0.99), what: tail },
      {
        field: "resumeUwsP50VsSocketio",
        ...over("wsession on uWS", "none", 0.5),
        what: "median, adapter-uws",
      },
      { field: "resumeUwsP99VsSocketio", ...over("wsession on uWS", "none", 0.99), what: tail },
      {
        field: "floorP50VsSocketio",
        ...over("floor", "none", 0.5),
        what: "bare ws with one read of Redis before the answer, and no session: the least there is",
      },
      { field: "floorP99VsSocketio", ...over("floor", "none", 0.99), what: tail },
      { field: "floorIdleP99VsSocketio", ...over("floor", "idle", 0.99), what: `99th percentile, ${idle}` },
    ],
    options,
  );
} finally {
  await redis.stop();
}
process.exit();

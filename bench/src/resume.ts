import { startRedis } from "./kit/redis.ts";
import { printTable, progress, readOptions, report } from "./kit/report.ts";
import { ServerProcess } from "./kit/server-process.ts";
import { quantile, ratio } from "./kit/stats.ts";
import type { Estimate } from "./kit/stats.ts";
import { socketioClient, wsessionClient } from "./resume/clients.ts";
import type { Client } from "./resume/clients.ts";

// How long a client that lost its connection waits for its state, beside Socket.IO's connection state recovery.

const options = readOptions();
const CLIENTS = options.quick ? 4 : 20;
/** Servers are started anew as often: where code and heap come to lie differs from one start to the next. */
const STARTS = options.quick ? 1 : 3;
const ROUNDS = options.quick ? 2 : Math.max(2, Math.round(20 * options.rounds));
const WARM_UP = options.quick ? 1 : 20;
/** Each client, in each round. */
const RETURNS = options.quick ? 3 : 10;
/** The server notices the end, and Socket.IO keeps what it needs: that is not what is timed. */
const NOTICE_MS = 30;

/**
 * The servers take turns, so each is idle most of the time, and V8 shrinks the young generation of a process that seems idle
 * and makes little garbage. It is collected ten times as often then: from one start to the next the 99th percentile is the
 * collector's or not. Set for all four alike; docs/performance.md has the figures without it.
 */
const V8_FLAGS = ["--no-memory-reducer"];

const SIDES = ["wsession", "wsession on uWS", "Socket.IO", "floor"] as const;
type Side = (typeof SIDES)[number];
type BySide<Value> = Record<Side, Value[]>;

function bySide<Value>(): BySide<Value> {
  return { wsession: [], "wsession on uWS": [], "Socket.IO": [], floor: [] };
}

/** One at a time, so that no client waits for another. */
async function measure(clients: readonly Client[]): Promise<number[]> {
  const times: number[] = [];
  for (let turn = 0; turn < RETURNS; turn += 1) {
    await Promise.all(clients.map((client) => client.drop()));
    await new Promise((resolve) => setTimeout(resolve, NOTICE_MS));
    for (const client of clients) times.push(await client.comeBack());
  }
  return times;
}

async function openClients(port: Record<Side, number>): Promise<BySide<Client>> {
  const clients = bySide<Client>();
  for (let number = 0; number < CLIENTS; number += 1) {
    clients.wsession.push(await wsessionClient(port.wsession, number));
    clients["wsession on uWS"].push(await wsessionClient(port["wsession on uWS"], number));
    clients["Socket.IO"].push(await socketioClient(port["Socket.IO"]));
    clients.floor.push(await wsessionClient(port.floor, number));
  }
  return clients;
}

/** Rounds of returns to four servers that are started for them. */
async function compare(redisPort: number, times: BySide<number[]>): Promise<void> {
  const servers: ServerProcess[] = [];
  const start = async (module: string, ...more: string[]): Promise<number> => {
    const server = await ServerProcess.start(module, {
      args: [String(redisPort), ...more],
      execArgv: V8_FLAGS,
    });
    servers.push(server);
    return server.port;
  };
  try {
    const port = {
      wsession: await start("app-redis"),
      "wsession on uWS": await start("app-redis", "small", "uws"),
      "Socket.IO": await start("resume-socketio"),
      floor: await start("resume-floor"),
    };
    // One connection that stays, as any server has: without another, uWS prints warnings for each upgrade after a wait.
    const staying = await wsessionClient(port["wsession on uWS"], CLIENTS);
    const clients = await openClients(port);
    for (let round = 0; round < WARM_UP; round += 1) for (const side of SIDES) await measure(clients[side]);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed())
        times[side].push(await measure(clients[side]));
    }
    for (const client of [staying, ...SIDES.flatMap((side) => clients[side])]) client.close();
  } finally {
    await Promise.all(servers.map((server) => server.kill()));
  }
}

const redis = await startRedis();
try {
  const times = bySide<number[]>();
  for (let started = 1; started <= STARTS; started += 1) {
    await compare(redis.port, times);
    progress(`start ${started}/${STARTS}`);
  }
  const each = (side: Side, part: number): number[] => times[side].map((round) => quantile(round, part));
  const all = (side: Side, part: number): string => quantile(times[side].flat(), part).toFixed(2);
  printTable(
    "Coming back, ms",
    ["", "p50", "p99"],
    SIDES.map((side) => [side, all(side, 0.5), all(side, 0.99)]),
  );
  const over = (side: Side, part: number): Estimate => ratio(each(side, part), each("Socket.IO", part));
  // One in so many is the first after a wait in which nothing ran: the processor's caches hold nothing of it.
  const afterOthers = (side: Side): number[] =>
    times[side].map((round) =>
      quantile(
        round.filter((_, index) => index % CLIENTS !== 0),
        0.99,
      ),
    );
  report(
    `Drop and come back with state: ${CLIENTS} clients, one at a time`,
    [
      {
        field: "resumeP50VsSocketio",
        value: over("wsession", 0.5),
        target: { atMost: 0.5 },
        what: "median, adapter-ws, over Socket.IO's recovery on Redis Streams",
      },
      {
        field: "resumeP99VsSocketio",
        value: over("wsession", 0.99),
        target: { atMost: 0.5 },
        what: "99th percentile, the same way",
        worthlessOver: 0.2,
      },
      {
        field: "resumeBusyP99VsSocketio",
        value: ratio(afterOthers("wsession"), afterOthers("Socket.IO")),
        what: `the same, of returns that follow another: ${CLIENTS - 1} in ${CLIENTS}`,
        worthlessOver: 0.2,
      },
      {
        field: "resumeUwsP50VsSocketio",
        value: over("wsession on uWS", 0.5),
        what: "the same, adapter-uws",
      },
      {
        field: "resumeUwsP99VsSocketio",
        value: over("wsession on uWS", 0.99),
        what: "99th percentile, the same way",
        worthlessOver: 0.2,
      },
      {
        field: "floorP50VsSocketio",
        value: over("floor", 0.5),
        what: "bare ws with one read of Redis before the answer, and no session: the least there is",
      },
      {
        field: "floorP99VsSocketio",
        value: over("floor", 0.99),
        what: "99th percentile, the same way",
        worthlessOver: 0.2,
      },
    ],
    options,
  );
} finally {
  await redis.stop();
}
process.exit();

import { startRedis } from "./kit/redis.ts";
import { printTable, progress, readOptions, report } from "./kit/report.ts";
import { ServerProcess } from "./kit/server-process.ts";
import { quantile, ratio } from "./kit/stats.ts";
import { socketioClient, wsessionClient } from "./resume/clients.ts";
import type { Client } from "./resume/clients.ts";

// How long a client that lost its connection waits for its state, beside Socket.IO's connection state recovery.

const options = readOptions();
const CLIENTS = options.quick ? 4 : 20;
const ROUNDS = options.quick ? 2 : Math.max(2, Math.round(12 * options.rounds));
/** Each client, in each round. */
const RETURNS = options.quick ? 3 : 10;
/** The server notices the end, and Socket.IO keeps what it needs: that is not what is timed. */
const NOTICE_MS = 30;

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

const redis = await startRedis();
const servers: ServerProcess[] = [];
const clients: Client[] = [];
try {
  const args = [String(redis.port)];
  servers.push(await ServerProcess.start("app-redis", { args }));
  servers.push(await ServerProcess.start("resume-socketio", { args }));
  const [ours = 0, theirs = 0] = servers.map(({ port }) => port);
  const subject: Client[] = [];
  const control: Client[] = [];
  for (let number = 0; number < CLIENTS; number += 1) {
    subject.push(await wsessionClient(ours, number));
    control.push(await socketioClient(theirs));
  }
  clients.push(...subject, ...control);
  await measure(subject);
  await measure(control);
  const times: [number[][], number[][]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const side of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const))
      times[side].push(await measure(side === 0 ? subject : control));
    progress(`round ${round + 1}/${ROUNDS}`);
  }
  const each = (side: 0 | 1, part: number): number[] => times[side].map((round) => quantile(round, part));
  const all = (side: 0 | 1, part: number): string => quantile(times[side].flat(), part).toFixed(2);
  printTable(
    "Coming back, ms",
    ["", "p50", "p99"],
    [
      ["wsession", all(0, 0.5), all(0, 0.99)],
      ["Socket.IO", all(1, 0.5), all(1, 0.99)],
    ],
  );
  report(
    `Drop and come back with state: ${CLIENTS} clients, one at a time`,
    [
      {
        field: "resumeP50VsSocketio",
        value: ratio(each(0, 0.5), each(1, 0.5)),
        target: { atMost: 0.5 },
        what: "median, over Socket.IO's recovery on Redis Streams",
        worthlessOver: 0.2,
      },
      {
        field: "resumeP99VsSocketio",
        value: ratio(each(0, 0.99), each(1, 0.99)),
        target: { atMost: 0.5 },
        what: "99th percentile, the same way",
        worthlessOver: 0.3,
      },
    ],
    options,
  );
} finally {
  for (const client of clients) client.close();
  await Promise.all(servers.map((server) => server.kill()));
  await redis.stop();
}
process.exit();

import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { readGreeting } from "./kit/greeting.ts";
import { RawConnection } from "./kit/raw-connection.ts";
import { startRedis } from "./kit/redis.ts";
import { progress, readOptions, report, single } from "./kit/report.ts";
import { ServerProcess } from "./kit/server-process.ts";
import { estimate, quantile } from "./kit/stats.ts";
import { PATIENCE_MS } from "./kit/patience.ts";

// The time from a call of `destroy`, in a process without connections of the session, until the last socket
// has closed.

process.env["NODE_ENV"] = "production";
const PROCESSES = 4;
const options = readOptions();
const kicks = options.quick ? 20 : Math.max(20, Math.round(400 * options.rounds));
const subjectSessions = options.quick ? 50 : 1_000;
const subjectRounds = options.quick ? 1 : Math.max(1, Math.round(7 * options.rounds));

const redis = await startRedis();
const servers: ServerProcess[] = [];
const client = new Redis(redis.port, "127.0.0.1");
const sessions = createSessions({ store: redisStore({ client, timeoutMs: PATIENCE_MS }) });

function portOf(index: number): number {
  return servers[index % PROCESSES]?.port ?? 0;
}

/** Resolves once the server has closed the connection. */
function closed(connection: RawConnection): Promise<void> {
  return new Promise((resolve) => {
    connection.onClose = resolve;
  });
}

/** Milliseconds from the call until the last of the connections has closed. */
async function time(kick: () => Promise<unknown>, connections: readonly RawConnection[]): Promise<number> {
  const all = Promise.all(connections.map(closed));
  const startedAt = performance.now();
  const called = kick();
  await all;
  const ms = performance.now() - startedAt;
  await called;
  return ms;
}

/** One session with a connection on each process. */
async function kickOne(index: number): Promise<number> {
  const first = await RawConnection.greeted({ port: portOf(0), path: `/one-${index}/${index}` });
  const { id, token = "" } = readGreeting(first.greeting);
  const others = await Promise.all(
    servers
      .slice(1)
      .map(({ port }) => RawConnection.greeted({ port, path: `/one-${index}/${index}?token=${token}` })),
  );
  if (!others.every(({ greeting }) => readGreeting(greeting).resumed))
    throw new Error("a connection did not come to the session");
  return time(
    () => sessions.destroy(id, "kicked"),
    [first, ...others].map(({ connection }) => connection),
  );
}

/** Many sessions of one subject with one connection each, spread over the processes. */
async function kickSubject(round: number): Promise<number> {
  const subject = `many-${round}`;
  const connections: RawConnection[] = [];
  while (connections.length < subjectSessions) {
    const batch = Array.from({ length: Math.min(50, subjectSessions - connections.length) }, (_, offset) => {
      const index = connections.length + offset;
      return RawConnection.greeted({ port: portOf(index), path: `/${subject}/${index}` });
    });
    connections.push(...(await Promise.all(batch)).map(({ connection }) => connection));
  }
  return time(() => sessions.destroySubject(subject, "kicked"), connections);
}

try {
  for (let index = 0; index < PROCESSES; index += 1)
    servers.push(await ServerProcess.start("app-redis", { args: [String(redis.port)] }));
  for (let index = 0; index < Math.min(20, kicks); index += 1) await kickOne(-1 - index);
  const ones: number[] = [];
  for (let index = 0; index < kicks; index += 1) ones.push(await kickOne(index));
  progress(`${kicks} sessions destroyed one by one`);
  const subjects: number[] = [];
  for (let round = 0; round < subjectRounds; round += 1) subjects.push(await kickSubject(round));
  report(
    `destroy() until the last socket has closed, ${PROCESSES} processes, ms`,
    [
      {
        field: "kickP50Ms",
        value: single(quantile(ones, 0.5)),
        what: "one session with a connection on each process",
        digits: 2,
      },
      {
        field: "kickP99Ms",
        value: single(quantile(ones, 0.99)),
        target: { atMost: 50 },
        what: "the same, 99th percentile",
        digits: 2,
      },
      {
        field: "kick1000Ms",
        value: estimate(subjects),
        worthlessOver: Infinity,
        what: `destroySubject() of ${subjectSessions} sessions with a connection each`,
        digits: 1,
      },
    ],
    options,
  );
} finally {
  await sessions.close();
  client.disconnect();
  await Promise.all(servers.map((server) => server.kill()));
  await redis.stop();
}

/** Another process destroys a session, and a call of this process finds the end before the announcement arrives. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createSessions, isSessionError, queryToken } from "@wsession/core";
import type { Session, Sessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { describe, expect, onTestFinished, test } from "vitest";
import { newGap } from "./gaps.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import { newPrefix, PATIENCE_MS, redisClient } from "./stores.ts";
import { serveVisits } from "./visits.ts";
import type { Data } from "./visits.ts";
import { until } from "../packages/store-redis/test/redis-server.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";
import { startProxy } from "../packages/store-redis/test/tcp-proxy.ts";

const redis = useRedisServer();
const SUBJECT_LIMIT = 2;

type Call = (session: Session<Data>, sessions: Sessions<Data, unknown, never>) => Promise<unknown>;

const calls: readonly (readonly [name: string, call: Call])[] = [
  ["refresh", (session) => session.refresh()],
  ["patch", (session) => session.patch({ n: 2 })],
  ["touch", (session) => session.touch()],
  ["extend", (session) => session.extend({ absoluteMs: 60_000 })],
  ["rotate", (session) => session.rotate()],
  ["send", (session) => session.send("kept")],
  ["sessions.get", async ({ id }, sessions) => sessions.get(id)],
];

interface Overtaker {
  readonly name: string;
  readonly ended: { readonly code: number; readonly reason: string };
  end(elsewhere: Sessions<Data, unknown, never>, id: string): Promise<unknown>;
}

const overtakers: readonly Overtaker[] = [
  {
    name: "destroy",
    ended: { code: 4410, reason: "banned" },
    end: (elsewhere, id) => elsewhere.destroy(id, "banned"),
  },
  {
    name: "destroySubject without a reason",
    ended: { code: 4410, reason: "session destroyed" },
    end: (elsewhere) => elsewhere.destroySubject("ada"),
  },
  {
    name: "a login over maxSessionsPerSubject",
    ended: { code: 4409, reason: "too many sessions of one subject" },
    async end(elsewhere) {
      for (let logins = 0; logins < SUBJECT_LIMIT; logins += 1)
        await elsewhere.create({ n: 0 }, { subject: "ada" });
    },
  },
];

const cases = overtakers.flatMap((overtaker) => calls.map(([call, run]) => ({ ...overtaker, call, run })));

/** A process behind a proxy, and another one. */
async function twoProcesses() {
  const proxy = await startProxy({ host: "127.0.0.1", port: redis.port });
  onTestFinished(() => proxy.close());
  const prefix = newPrefix();
  const open = (port: number) => {
    const store = redisStore({ client: redisClient(port), prefix, timeoutMs: PATIENCE_MS, confirmMs: 50 });
    const sessions = createSessions<Data>({
      store,
      token: queryToken(),
      initial: () => ({ n: 0 }),
      maxSessionsPerSubject: SUBJECT_LIMIT,
    });
    onTestFinished(() => sessions.close());
    return { sessions, counters: store.diagnostics };
  };
  return { proxy, here: open(proxy.port), elsewhere: open(redis.port).sessions };
}

describe.each(runtimeNames)("%s", (runtime) => {
  test.each(cases)(
    "fault A1: I9 $call that finds the end by $name closes the connection with its code and reason",
    async ({ end, ended, run }) => {
      const { proxy, here, elsewhere } = await twoProcesses();
      const { visit } = await serveVisits(runtime, here.sessions);
      const { client, connection } = await visit();
      const { session } = connection;
      await session.identify("ada");
      proxy.holdAnnouncements();
      await end(elsewhere, session.id);
      const outcome = await run(session, here.sessions).catch((error: unknown) => error);
      expect(outcome === undefined || isSessionError(outcome, "SESSION_GONE")).toBe(true);
      expect(await client.closed).toEqual(ended);
    },
  );
});

test("a session that a newer login ended is counted once, although its announcement comes after a read", async () => {
  const { proxy, here, elsewhere } = await twoProcesses();
  const gap = newGap();
  // While the handler waits, the connection belongs to the session.
  const client = await connect(await serve("ws", here.sessions, { close: () => gap.wait() }));
  const [connection = expect.fail("no connection")] = here.sessions.connections;
  const { session } = connection;
  await session.identify("ada");
  let counted = 0;
  const count = (event: unknown) => {
    if (Object(event).sessionId === session.id) counted += 1;
  };
  subscribe("wsession:session:destroy", count);
  onTestFinished(() => void unsubscribe("wsession:session:destroy", count));
  proxy.holdAnnouncements();
  for (let logins = 0; logins < SUBJECT_LIMIT; logins += 1)
    await elsewhere.create({ n: 0 }, { subject: "ada" });
  await expect(session.refresh()).rejects.toMatchObject({ code: "SESSION_GONE" });
  await client.closed;
  await gap.reached;
  expect(counted).toBe(1);
  const { announcementsHeard } = here.counters;
  proxy.replies("pass");
  await until(() => here.counters.announcementsHeard > announcementsHeard);
  gap.letGo();
  expect(counted).toBe(1);
});

// The commands and keys of Redis that presence costs: none without a listener, and one entry for each session with a listener.
import { accept, createSessions, queryToken } from "@wsession/core";
import type { SessionsOptions } from "@wsession/core";
import { expect, test } from "vitest";
import { newPrefix, openStore, redisClient } from "./stores.ts";
import { serveVisits } from "./visits.ts";
import type { Data } from "./visits.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";

const redis = useRedisServer();
const SESSIONS = 5;

/** Five clients log in, change their sessions, lose their connections and come back. */
async function visitAgain(options: Pick<SessionsOptions<Data>, "events" | "leaveAfterMs">) {
  const [prefix, client] = [newPrefix(), redisClient(redis.port)];
  const sessions = createSessions<Data>({
    // The lease is renewed by a script: not during this test.
    store: openStore("redis", redis.port, { prefix, leaseMs: 120_000 }),
    token: queryToken(),
    admit: () => accept({ subject: "ada" }),
    initial: () => ({ n: 0 }),
    ...options,
  });
  const { visit } = await serveVisits("ws", sessions);
  const callsOf = async (command: string): Promise<number> =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await client.info("commandstats"))?.[1] ?? 0);
  const keys = async (kind: string): Promise<string[]> => client.keys(`${prefix}:${kind}*`);
  // The first session loads the scripts, and registers the process.
  await visit();
  const before = await callsOf("evalsha");
  for (let index = 0; index < SESSIONS; index += 1) {
    const first = await visit();
    const { session } = first.connection;
    await session.update((data) => ({ n: data.n + 1 }));
    const token = first.connection.token ?? expect.unreachable();
    first.client.socket.terminate();
    await expect.poll(async () => (await sessions.presence(session.id)).connections).toBe(0);
    const second = await visit(`/?token=${token}`);
    expect(second.connection.session.id).toBe(session.id);
  }
  const scripts = (await callsOf("evalsha")) - before;
  const hashes = await keys("s:");
  const fields = new Set((await Promise.all(hashes.map((key) => client.hkeys(key)))).flat());
  const queues = await keys("d:");
  const queued = await Promise.all(queues.map((queue) => client.zcard(queue)));
  return { scripts, fields, queues: await keys("d"), watchers: await keys("w"), queued, hashes };
}

test("a session without a listener costs no key, no field and no script call for presence", async () => {
  const { fields, hashes, queues, scripts, watchers } = await visitAgain({});
  expect(hashes).toHaveLength(1 + SESSIONS);
  expect([...queues, ...watchers]).toEqual([]);
  expect(fields).not.toContain("p");
  // The session, its entry in the subject's index, the update, the release and the resume.
  expect(scripts).toBe(5 * SESSIONS);
});

test("a session with a listener costs one entry in the queue of its process, and one field", async () => {
  const { fields, queued, watchers } = await visitAgain({ events: { left: () => undefined } });
  expect(queued).toEqual([1 + SESSIONS]);
  expect(watchers).toEqual([]);
  expect(fields).toContain("p");
});

// Rotations of tokens on several processes, while logins elsewhere end the sessions over `maxSessionsPerSubject`.
import { createSessions, isSessionError } from "@wsession/core";
import type { Session } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { expect, onTestFinished, test } from "vitest";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";
import { newPrefix, redisClient } from "./stores.ts";

const redis = useRedisServer();
const MAX = 2;
const ROUNDS = 15;

test("maxSessionsPerSubject: a token that is rotated while a login ends its session opens nothing, and as many sessions are left as the limit allows", async () => {
  const prefix = newPrefix();
  const processes = [1, 2, 3].map(() => {
    const sessions = createSessions({
      store: redisStore({ client: redisClient(redis.port), prefix, timeoutMs: 10_000 }),
      initial: () => ({}),
      maxSessionsPerSubject: MAX,
    });
    onTestFinished(() => sessions.close());
    return sessions;
  });
  const [a, b, c] = processes;
  if (a === undefined || b === undefined || c === undefined) return expect.unreachable();
  for (let round = 0; round < ROUNDS; round += 1) {
    const subject = `ada${round}`;
    const [first, second] = [await a.create({}, { subject }), await b.create({}, { subject })];
    const elsewhere = await b.get(first.session.id);
    const tokens: string[] = [];
    /** Rotates until the session is one of those over the limit. Nothing else may go wrong. */
    const rotate = async (session: Session<object> = expect.unreachable()): Promise<void> => {
      try {
        for (;;) tokens.push((await session.rotate()).token);
      } catch (error) {
        if (!isSessionError(error, "SESSION_GONE")) throw error;
      }
    };
    const login = async (sessions: typeof a, pause: number) => {
      await new Promise((resolve) => setTimeout(resolve, pause));
      return sessions.create({}, { subject });
    };
    const [, , , ...logins] = await Promise.all([
      rotate(first.session),
      rotate(elsewhere),
      rotate(second.session),
      login(c, round % 4),
      login(a, round % 3),
    ]);
    const live = new Set((await c.bySubject(subject)).map(({ id }) => id));
    expect(live.size).toBe(MAX);
    expect(logins.filter(({ session }) => live.has(session.id))).toHaveLength(MAX);
    for (const token of tokens) expect(await b.open(token)).toBeUndefined();
    expect(tokens.length).toBeGreaterThan(0);
  }
});

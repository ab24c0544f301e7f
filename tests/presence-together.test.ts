// Presence and the limits of a subject, together with lifetimes and transactions.
import { deferred, Journal, within } from "@wsession/conformance";
import { createSessions, isSessionError } from "@wsession/core";
import type { SessionEvent, SessionsOptions } from "@wsession/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { openStore } from "./stores.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";

type Data = { readonly n: number };

const redis = useRedisServer();
const HOUR = 3_600_000;
/** An event that is due is delivered within a second, and a busy machine adds to that. The first sweep comes after 15 seconds. */
const LATE_MS = 12_000;

const codeOf = (error: unknown): unknown => (isSessionError(error) ? error.code : error);

function open(store: "map" | "redis", options: SessionsOptions<Data> = {}) {
  const expired = new Journal<SessionEvent>();
  const sessions = createSessions<Data>({
    store: openStore(store, redis.port),
    events: { expired: (event) => expired.note(event) },
    ...options,
  });
  onTestFinished(() => sessions.close());
  const logIn = async (lifetimes?: { readonly idleMs?: number; readonly absoluteMs?: number }) => {
    const { session } = await sessions.create({ n: 0 }, lifetimes);
    await session.identify("ada");
    return session;
  };
  return { sessions, expired, logIn };
}

describe.each(["map", "redis"] as const)("on %s", (store) => {
  test("maxSessionsPerSubject: an expired session frees its place, also while its event is handled", async () => {
    const handled = deferred();
    onTestFinished(() => handled.resolve());
    const { logIn, expired, sessions } = open(store, {
      maxSessionsPerSubject: { max: 1, over: "refuse" },
      events: {
        expired: (event) => {
          journal.note(event);
          return handled.promise;
        },
      },
    });
    const journal = expired;
    const first = await logIn({ absoluteMs: HOUR });
    expect(await logIn().catch(codeOf)).toBe("TOO_MANY_SESSIONS");
    await first.extend({ absoluteMs: 200 });
    await expired.until(1);
    expect(expired.entries).toMatchObject([{ sessionId: first.id, subject: "ada" }]);
    const second = await logIn();
    expect((await sessions.bySubject("ada")).map(({ id }) => id)).toEqual([second.id]);
  });

  test("maxSessionsPerSubject: an expired session frees its place, also once the store has nothing of it left", async () => {
    const { logIn, sessions } = open(store, {
      maxSessionsPerSubject: { max: 1, over: "refuse" },
      events: {},
    });
    const first = await logIn({ absoluteMs: HOUR });
    expect(await logIn().catch(codeOf)).toBe("TOO_MANY_SESSIONS");
    await first.extend({ absoluteMs: 200 });
    await expect.poll(() => sessions.get(first.id)).toBeUndefined();
    const second = await logIn();
    expect((await sessions.bySubject("ada")).map(({ id }) => id)).toEqual([second.id]);
  });

  test("maxSessionsPerSubject: an expired session is not counted, so no live session ends for it", async () => {
    const { logIn, sessions } = open(store, { maxSessionsPerSubject: 2 });
    const oldest = await logIn();
    const short = await logIn();
    await short.extend({ absoluteMs: 100 });
    await expect.poll(() => sessions.get(short.id)).toBeUndefined();
    const newest = await logIn();
    const ids = (await sessions.bySubject("ada")).map(({ id }) => id);
    expect(ids.toSorted()).toEqual([oldest.id, newest.id].toSorted());
  });

  test("events: a session whose absolute deadline is moved forward by extend expires then, once", async () => {
    const { logIn, expired } = open(store);
    const session = await logIn({ absoluteMs: HOUR });
    const extendedAt = performance.now();
    await session.extend({ absoluteMs: 300 });
    await expired.until(1);
    expect(performance.now() - extendedAt).toBeLessThan(300 + LATE_MS);
    expect(expired.entries).toMatchObject([{ sessionId: session.id, subject: "ada" }]);
  });

  test("events: a touch of the store that moves the absolute deadline forward makes the session expire then", async () => {
    const own = openStore(store, redis.port);
    const { sessions, expired } = open(store, { store: own });
    // On the map a sweep ends at the first session that lives, so the sweep does not find the other session. On Redis a login would be checked
    // a second later, whatever the touch does.
    await sessions.create({ n: 0 });
    const { session } = await sessions.create({ n: 0 }, { absoluteMs: HOUR });
    const touchedAt = performance.now();
    expect(await own.touch(session.id, HOUR, 300)).toBe(true);
    await within(300 + LATE_MS, "the event expired", expired.until(1));
    expect(performance.now() - touchedAt).toBeLessThan(300 + LATE_MS);
  });
});

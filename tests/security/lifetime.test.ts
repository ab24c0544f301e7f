import { delay, Journal, within } from "@wsession/conformance";
import { createSessions, inConnectionStore } from "@wsession/core";
import type { SessionsOptions } from "@wsession/core";
import { describe, expect, test } from "vitest";
import {
  cookieOf,
  runtimes,
  storeNames,
  storeOf,
  testCookie,
  useRedis,
  useTrial,
  withCookie,
} from "./support.ts";

const redis = useRedis();

interface Count {
  readonly n: number;
}

describe.each(runtimes)("on $runtime", (harness) => {
  const trialOf = useTrial(harness);

  describe.each([...storeNames, "in-connection" as const])("with the %s store", (store) => {
    const options = (): SessionsOptions<Count> & { initial: () => Count } => ({
      store: store === "in-connection" ? inConnectionStore() : storeOf(store, redis),
      initial: () => ({ n: 0 }),
    });

    test("idle time counts from the last message or touch; a silent client's session ends with 4419", async () => {
      // Long enough for a machine that stalls for a second.
      const idleMs = 1_500;
      const sessions = createSessions({ ...options(), idleMs });
      const server = await trialOf().serve(sessions, {});
      const [talks, touches, silent] = [
        await trialOf().connect(server),
        await trialOf().connect(server, "/touched"),
        await trialOf().connect(server),
      ];
      const closed = new Journal<string>();
      for (const [name, client] of Object.entries({ talks, touches, silent }))
        void client.closed.then(({ code }) => closed.note(`${name} ${code}`));
      const touched = [...sessions.connections][1] ?? expect.fail();
      const startedAt = performance.now();
      while (closed.entries.length === 0) {
        talks.send("still here");
        await touched.session.touch();
        await delay(idleMs / 8);
      }
      expect(performance.now() - startedAt).toBeGreaterThan(idleMs * 0.9);
      expect(closed.entries).toEqual(["silent 4419"]);
      await closed.until(3);
      expect(closed.entries.toSorted()).toEqual(["silent 4419", "talks 4419", "touches 4419"]);
    });

    test("expiring is called before the absolute deadline, again after each extend, and a connection that is not extended ends with 4419", async () => {
      const reported = new Journal<number>();
      // The call comes after 800 ms. The rest is long enough for a machine that stalls for a second.
      const sessions = createSessions({ ...options(), absoluteMs: 3_200, expiringMs: 2_400 });
      const server = await trialOf().serve(sessions, {
        async expiring(conn, remainingMs) {
          reported.note(remainingMs);
          // The application checks again, and is content three times. The last time the session has little time left.
          if (reported.entries.length < 3) await conn.session.extend();
          else if (reported.entries.length === 3) await conn.session.extend({ absoluteMs: 1_200 });
        },
      });
      const started = performance.now();
      const client = await trialOf().connect(server);
      expect((await client.closed).code).toBe(4419);
      expect(reported.entries).toHaveLength(4);
      expect(Math.max(...reported.entries)).toBeLessThanOrEqual(2_400);
      expect(performance.now() - started).toBeGreaterThan(3 * 800 + 1_200 - 20);
    });
  });

  describe.each(storeNames)("with the %s store", (store) => {
    test("a connection that joins the session after the warning of the others is warned too, after its open", async () => {
      const reported = new Journal();
      const sessions = createSessions<Count>({
        store: storeOf(store, redis),
        token: testCookie(),
        absoluteMs: 60_000,
        expiringMs: 59_900,
        initial: () => ({ n: 0 }),
      });
      const server = await trialOf().serve(sessions, {
        open: (conn, { url }) => reported.note(`open ${url} ${conn.resumed}`),
        expiring: (_, remainingMs) => reported.note(remainingMs <= 59_900 ? "expiring" : "too early"),
      });
      const cookie = cookieOf(await trialOf().connect(server, "/first"));
      await reported.until(2);
      await trialOf().connect(server, "/second", withCookie(cookie));
      await within(10_000, "the warning of the second connection", reported.until(4));
      expect(reported.entries).toEqual(["open /first false", "expiring", "open /second true", "expiring"]);
    });

    test("a resume after a deadline does not move that deadline: the session is gone, connected or not (I9)", async () => {
      const sessions = createSessions<Count>({
        store: storeOf(store, redis),
        token: testCookie(),
        absoluteMs: 150,
        onBadToken: "refuse",
      });
      const server = await trialOf().serve(sessions, {});
      const { session, token } = await sessions.create({ n: 1 });
      await delay(160);
      const headers = [["cookie", `sid=${token}`]] as const;
      expect((await trialOf().refused(server, { headers })).status).toBe(401);
      expect(await sessions.get(session.id)).toBeUndefined();
      await expect(session.touch()).rejects.toMatchObject({ code: "SESSION_GONE" });
      await expect(session.extend()).rejects.toMatchObject({ code: "SESSION_GONE" });
    });
  });

  test("touches of a live connection are throttled: thousands of messages cost no round trip each", async () => {
    const client = redis.connect();
    const handled = new Journal();
    const sessions = createSessions<Count>({
      store: redis.store(),
      idleMs: 2_000,
      initial: () => ({ n: 0 }),
    });
    const server = await trialOf().serve(sessions, { message: () => handled.note("m") });
    const peer = await trialOf().connect(server);
    const before = await scriptCalls(client);
    const started = performance.now();
    for (let batch = 0; batch < 10; batch += 1) {
      for (let sent = 0; sent < 500; sent += 1) peer.send("m");
      await handled.until((batch + 1) * 500);
      await delay(50);
    }
    const looks = Math.ceil((performance.now() - started) / (2_000 / 10));
    expect((await scriptCalls(client)) - before).toBeLessThanOrEqual(looks + 1);
    expect((await scriptCalls(client)) - before).toBeGreaterThan(0);
  });
});

/** How often this server ran a script; leases and announcements of this file's other stores run none. */
async function scriptCalls(client: { info(section: string): Promise<string> }): Promise<number> {
  const info = await client.info("commandstats");
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1] ?? 0);
}

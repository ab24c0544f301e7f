import { deferred, delay, frame, Journal, until } from "@wsession/conformance";
import { createSessions, isSessionError, mapStore } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { describe, expect, test } from "vitest";
import { PATIENCE_MS } from "../stores.ts";
import {
  closedOf,
  closeFrameOf,
  cookieOf,
  runtimes,
  testCookie,
  useRedis,
  useTrial,
  withCookie,
} from "./support.ts";

const redis = useRedis();

/** Nothing sets a session: the messages of every connection wait. */
const strangers = () => createSessions<{ n: number }>({ early: { timeoutMs: 0 } });

describe.each(runtimes)("on $runtime", (harness) => {
  const trialOf = useTrial(harness);

  test("I14 early.maxMessages: 1,024 messages wait by default, one more closes with 4413", async () => {
    const sessions = strangers();
    const server = await trialOf().serve(sessions, {});
    const full = await trialOf().rawUpgraded(server);
    full.write(...Array.from({ length: 1_024 }, () => frame("m")));
    const over = await trialOf().rawUpgraded(server);
    const code = closeFrameOf(over);
    // In one write: a runtime that can pause does so before the limit, but the messages that it has read still come (I3).
    over.write(...Array.from({ length: 1_025 }, () => frame("m")));
    expect(await code).toBe(4413);
    expect(sessions.diagnostics).toMatchObject({ limitsExceeded: 1, messagesDiscarded: 1_025 });
  });

  test("I14 early.maxBytes: 256 KiB wait by default, one more closes with 4413", async () => {
    const sessions = strangers();
    const server = await trialOf().serve(sessions, {});
    const [full, over] = [await trialOf().connect(server), await trialOf().connect(server)];
    full.send("x".repeat(256 * 1024));
    over.send("x".repeat(256 * 1024 + 1));
    expect(await closedOf(over)).toBe(4413);
    expect(sessions.diagnostics).toMatchObject({ limitsExceeded: 1, messagesDiscarded: 1 });
    expect(full.socket.readyState).toBe(full.socket.OPEN);
  });

  test("I14 early.timeoutMs: a stranger for whom no session is set is closed with 4408", async () => {
    const sessions = createSessions<{ n: number }>({ early: { timeoutMs: 50 } });
    const server = await trialOf().serve(sessions, {});
    const client = await trialOf().connect(server);
    expect(await closedOf(client)).toBe(4408);
  });

  test("inbox: more than 32,768 messages behind a busy handler close with 1013, unless the runtime can be paused before", async () => {
    const release = deferred();
    const sessions = createSessions({ initial: () => ({ n: 0 }) });
    const server = await trialOf().serve(sessions, { message: () => release.promise });
    const many = await trialOf().rawUpgraded(server);
    const code = closeFrameOf(many);
    // The handler has one, and 32,768 may wait. The core pauses a socket so early that the messages of one more read fit.
    many.write(...Array.from({ length: 32_770 }, () => frame("m")));
    if (harness.pauses) await until(() => paused(sessions) === 1);
    else expect(await code).toBe(1013);
    const discarded = harness.pauses ? 0 : 32_769;
    expect(sessions.diagnostics).toMatchObject({
      limitsExceeded: harness.pauses ? 0 : 1,
      messagesDiscarded: discarded,
    });
    release.resolve();
  });

  test("inbox: more than 4 MiB behind a busy handler close with 1013, unless the runtime can be paused before", async () => {
    const release = deferred();
    const sessions = createSessions({ initial: () => ({ n: 0 }) });
    const server = await trialOf().serve(sessions, { message: () => release.promise });
    const large = await trialOf().rawUpgraded(server);
    const code = closeFrameOf(large);
    large.write(...Array.from({ length: 5 }, () => frame("x".repeat(1_200_000))));
    if (harness.pauses) await until(() => paused(sessions) === 1);
    else expect(await code).toBe(1013);
    expect(sessions.diagnostics.limitsExceeded).toBe(harness.pauses ? 0 : 1);
    release.resolve();
  });

  test("a session in Redis takes 64 KiB by default: a write past it rejects with TOO_LARGE and changes nothing", async () => {
    const sessions = createSessions<{ text: string }>({
      store: redis.store(),
      initial: () => ({ text: "" }),
    });
    const errors = new Journal<string>();
    const server = await trialOf().serve(sessions, {
      async message(conn, message) {
        await conn.session.patch({ text: String(message) }).catch((error: unknown) => {
          errors.note(isSessionError(error) ? `${error.code} ${error.outcome}` : "untyped");
        });
        conn.send(String(conn.session.data.text.length));
      },
    });
    const client = await trialOf().connect(server);
    client.send("x".repeat(65_000));
    expect(await client.next()).toBe("65000");
    client.send("x".repeat(66_000));
    expect(await client.next()).toBe("65000");
    expect(errors.entries).toEqual(["TOO_LARGE not-applied"]);
  });

  test("an initial that returns more data than the store's limit answers 500", async () => {
    const store = redisStore({ client: redis.connect(), maxBytes: 100, timeoutMs: PATIENCE_MS });
    const reports = new Journal<string>();
    const sessions = createSessions({
      store,
      initial: () => ({ text: "x".repeat(200) }),
      onError: (error, { stage }) => reports.note(`${stage}: ${error}`),
    });
    const server = await trialOf().serve(sessions, {});
    expect((await trialOf().refused(server)).status).toBe(500);
    expect(reports.entries).toEqual([expect.stringMatching(/^store: .*exceed maxBytes, 100/)]);
  });

  test("maxSessions of a map store: the session that was idle longest is evicted, never one with a connection; if all are connected, newcomers get 503", async () => {
    const store = mapStore({ maxSessions: 3 });
    const reports = new Journal<string>();
    const sessions = createSessions({
      store,
      token: testCookie(),
      initial: () => ({ n: 0 }),
      onError: (error, { stage }) => reports.note(`${stage}: ${error}`),
    });
    const server = await trialOf().serve(sessions, {});
    const left = await trialOf().connect(server);
    const cookie = cookieOf(left);
    left.socket.close();
    await until(() => sessions.connections.size === 0);
    for (let kept = 0; kept < 3; kept += 1) await trialOf().connect(server);
    expect(store.size).toBe(3);
    expect(await sessions.get(String(cookie).split(".")[0] ?? "")).toBeUndefined();
    expect(await trialOf().refused(server)).toMatchObject({ status: 503, body: "too many sessions" });
    expect(reports.entries).toEqual([expect.stringMatching(/^store: .*the store is full/)]);
    expect(sessions.connections.size).toBe(3);
  });

  test("maxConnectionsPerSession is 1,000 by default: the oldest one over it is closed with 4409", async () => {
    const sessions = createSessions({ store: mapStore(), token: testCookie(), initial: () => ({ n: 0 }) });
    const server = await trialOf().serve(sessions, {});
    const first = await trialOf().connect(server);
    const second = await trialOf().connect(server, "/", withCookie(cookieOf(first)));
    const headers = [["cookie", `sid=${cookieOf(first)}`]] as const;
    for (let more = 0; more < 998; more += 100) {
      const some = Array.from({ length: Math.min(100, 998 - more) }, () =>
        trialOf().rawUpgraded(server, { headers }),
      );
      await Promise.all(some);
    }
    expect(sessions.connections.size).toBe(1_000);
    await trialOf().rawUpgraded(server, { headers });
    expect(await closedOf(first)).toBe(4409);
    expect(second.socket.readyState).toBe(second.socket.OPEN);
    const { session } = [...sessions.connections][0] ?? expect.fail();
    expect([...session.connections]).toHaveLength(1_000);
  });

  test("maxPendingHandshakes is 10,000 by default; handshakes over a smaller limit get 503, until pending ones are answered", async () => {
    const answer = deferred();
    const sessions = createSessions({
      maxPendingHandshakes: 20,
      admit: () => answer.promise.then(() => ({ type: "accept" as const })),
    });
    const server = await trialOf().serve(sessions, {});
    const peers = Array.from({ length: 20 }, () => trialOf().raw(server));
    for (const peer of peers) peer.upgrade();
    await until(() => sessions.diagnostics.handshakesPending === 20);
    expect(await trialOf().refused(server)).toMatchObject({ status: 503, body: "too many handshakes" });
    answer.resolve();
    for (const { status } of await Promise.all(peers.map((peer) => peer.response))) expect(status).toBe(101);
    expect(sessions.diagnostics.handshakesPending).toBe(0);
    await trialOf().connect(server);
  });

  test("a slow client that never reads: maxBufferedBytes bounds the waiting data, and the heartbeat ends the connection", async () => {
    const maxBufferedBytes = 256 * 1024;
    const ended = new Journal<number>();
    const sessions = createSessions({ maxBufferedBytes, heartbeatMs: 1_000, initial: () => ({ n: 0 }) });
    const server = await trialOf().serve(sessions, { close: (_, { code }) => ended.note(code) });
    const raw = await trialOf().rawUpgraded(server);
    raw.socket.pause();
    const [connection = expect.fail()] = sessions.connections;
    const outcomes = new Map<string, number>();
    let most = 0;
    const chunk = "x".repeat(64 * 1024);
    for (let sent = 0; sent < 1_000; sent += 1) {
      const outcome = connection.send(chunk);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      most = Math.max(most, connection.bufferedAmount);
      if (sent % 50 === 0) await delay(1);
    }
    expect(outcomes.get("dropped")).toBeGreaterThan(0);
    expect(outcomes.has("closed")).toBe(false);
    expect(most).toBeLessThanOrEqual(maxBufferedBytes + chunk.length + 1024);
    expect(sessions.diagnostics.sendsDropped).toBe(outcomes.get("dropped"));
    await ended.until(1);
    expect(ended.entries).toEqual([1006]);
    expect(connection.bufferedAmount).toBe(0);
    expect(connection.send("late")).toBe("closed");
  });
});

/** How many sockets are not being read. */
function paused(sessions: { connections: Iterable<Connection> }): number {
  return [...sessions.connections].filter(
    ({ socket }) =>
      typeof socket === "object" && socket !== null && "isPaused" in socket && socket.isPaused === true,
  ).length;
}

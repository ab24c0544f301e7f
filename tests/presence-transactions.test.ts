// Transactions whose connection is lost, and presence: what is committed, who is away, and which event of a leave is delivered.
import { tokenInMemory } from "@wsession/client";
import { deferred, Journal, until } from "@wsession/conformance";
import { accept, createSessions, protocolToken } from "@wsession/core";
import type { SessionEvent } from "@wsession/core";
import { unchecked } from "@wsession/protocol";
import { defineMessages } from "@wsession/protocol/messages";
import { describe, expect, onTestFinished, test } from "vitest";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";
import { open } from "./client/clients.ts";
import { Line } from "./client/line.ts";
import { runtimeNames, serve } from "./runtimes.ts";
import { openStore } from "./stores.ts";

interface Data {
  readonly sum: number;
}

const messages = defineMessages({
  toServer: { add: unchecked<number>() },
  toClient: { sum: unchecked<number>() },
});

const redis = useRedisServer();
/** Longer than any test, so that only a clean leave is a leave. */
const HOUR = 3_600_000;
const places = (["map", "redis"] as const).map((store, index) => ({
  store,
  runtime: runtimeNames[index] ?? "ws",
}));

describe.each(places)("on $store, with a server on $runtime,", ({ runtime, store }) => {
  async function start(leaveAfterMs: number) {
    const left = new Journal<{ readonly event: SessionEvent; readonly sum: number | undefined }>();
    const reported: string[] = [];
    const reportedOften = (type: string, times: number) =>
      until(() => reported.filter((one) => one === type).length >= times);
    const sessions = createSessions<Data>({
      store: openStore(store, redis.port),
      token: protocolToken(),
      leaveAfterMs,
      admit: () => accept({ subject: "ada" }),
      initial: () => ({ sum: 0 }),
      events: {
        async left(event) {
          left.note({ event, sum: (await sessions.get(event.sessionId))?.data.sum });
        },
      },
    });
    /** Each run of the handler waits for the promise that stands here. */
    const gate = { reached: deferred(), opens: Promise.resolve() };
    const server = await serve(runtime, sessions, {
      ...messages.handlers(sessions, {
        add: {
          async transaction(tx, given) {
            gate.reached.resolve();
            await gate.opens;
            tx.update((data) => ({ sum: data.sum + given }));
            messages.to(tx).sum(tx.data.sum);
          },
        },
      }),
    });
    const watching = new AbortController();
    onTestFinished(() => watching.abort());
    await sessions.watch(["ada"], ({ type }) => void reported.push(type), { signal: watching.signal });
    const line = await Line.to(server.port);
    const { client, until: received } = open(line, { token: tokenInMemory() });
    await received("status", ({ status }) => status === "live");
    await reportedOften("online", 1);
    const [connection] = sessions.connections;
    const session = connection?.session ?? expect.fail("no connection");
    const sums: number[] = [];
    messages.client(client).on.sum((sum) => sums.push(sum));
    const { send } = messages.client(client);
    return { sessions, session, left, reported, reportedOften, gate, line, client, sums, send };
  }

  test("I21 a transaction whose connection is lost for good is committed, keeps no user online, and the session leaves once", async () => {
    const { sessions, session, left, reported, reportedOften, gate, line, send } = await start(300);
    const opened = deferred();
    gate.opens = opened.promise;
    // It stays unsettled, because the client does not come back.
    void send.add(5).catch(() => undefined);
    await gate.reached.promise;
    line.isDown = true;
    line.cut();
    await reportedOften("offline", 2);
    expect(reported).toEqual(["offline", "online", "away", "offline"]);
    await left.until(1);
    opened.resolve();
    await expect.poll(async () => (await sessions.get(session.id))?.data.sum).toBe(5);
    expect((await sessions.presenceOfSubject("ada")).type).toBe("offline");
    expect(reported).toHaveLength(4);
    expect(left.entries).toMatchObject([{ event: { sessionId: session.id, subject: "ada" }, sum: 0 }]);
  });

  test("I21 I22 drops in the middle of transactions are no leave, each message counts once, and the clean leave reads all of them", async () => {
    const { session, left, reported, reportedOften, gate, line, client, sums, send } = await start(HOUR);
    for (let round = 1; round <= 5; round += 1) {
      const opened = deferred();
      gate.reached = deferred();
      gate.opens = opened.promise;
      const sent = send.add(1);
      await gate.reached.promise;
      line.isDown = true;
      line.cut();
      await reportedOften("away", round);
      opened.resolve();
      line.isDown = false;
      await sent;
      await reportedOften("online", round + 1);
    }
    await until(() => sums.length === 5);
    expect(sums).toEqual([1, 2, 3, 4, 5]);
    expect(left.entries).toEqual([]);
    expect(reported.slice(1)).not.toContain("offline");
    await client.close();
    await reportedOften("offline", 2);
    await left.until(1);
    expect(left.entries).toMatchObject([{ event: { sessionId: session.id, subject: "ada" }, sum: 5 }]);
    expect(reported.slice(-2)).toEqual(["online", "offline"]);
  });
});

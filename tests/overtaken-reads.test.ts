/** An announcement makes a process read a session again, or a message makes it touch the session. Meanwhile the session ends, or the process. */
import { createSessions, queryToken } from "@wsession/core";
import type { SessionStore } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";
import { newGap } from "./gaps.ts";
import { withGap } from "./held.ts";
import { connect, serve } from "./runtimes.ts";
import { newPrefix, openStore } from "./stores.ts";

const redis = useRedisServer();

/** A connection of this process, which has begun to read its session again: another process has given the session a subject. */
async function whileReading() {
  const prefix = newPrefix();
  const gap = newGap();
  const errors: unknown[] = [];
  let isStoreClosed = false;
  const open = (store: SessionStore) => {
    const sessions = createSessions({
      store,
      token: queryToken(),
      initial: () => ({ n: 0 }),
      onError: (error) => void errors.push(error),
    });
    onTestFinished(() => sessions.close());
    return sessions;
  };
  const store = openStore("redis", redis.port, { prefix });
  const close = store.close.bind(store);
  store.close = async () => {
    isStoreClosed = true;
    await close();
  };
  const here = open(withGap(store, "load", "before", gap));
  const elsewhere = open(openStore("redis", redis.port, { prefix }));
  const client = await connect(await serve("ws", here));
  const [connection = expect.fail("no connection")] = here.connections;
  const { id } = connection.session;
  await (await elsewhere.get(id))?.identify("ada");
  await gap.reached;
  return { gap, errors, here, elsewhere, id, connection, client, isStoreClosed: () => isStoreClosed };
}

test("a session that another process destroys while this process reads it again is no failure of the store", async () => {
  const { gap, errors, here, elsewhere, id, client } = await whileReading();
  await elsewhere.destroy(id);
  expect((await client.closed).code).toBe(4410);
  gap.letGo();
  await here.close();
  expect(errors).toEqual([]);
});

test("close() waits for the reading of a session, and then closes the store", async () => {
  const { gap, errors, here, client, connection, isStoreClosed } = await whileReading();
  const closing = here.close();
  await client.closed;
  await connection.closed;
  await new Promise(setImmediate);
  const wasClosed = isStoreClosed();
  gap.letGo();
  await closing;
  expect(wasClosed).toBe(false);
  expect(errors).toEqual([]);
});

test("close() waits for the touch of a session whose connection has just ended, and then closes the store", async () => {
  const gap = newGap();
  const errors: unknown[] = [];
  const store = openStore("redis", redis.port, { prefix: newPrefix() });
  const closeStore = store.close.bind(store);
  let isStoreClosed = false;
  store.close = async () => {
    isStoreClosed = true;
    await closeStore();
  };
  const sessions = createSessions({
    store: withGap(store, "touch", "before", gap),
    token: queryToken(),
    idleMs: 10_000,
    initial: () => ({ n: 0 }),
    onError: (error) => void errors.push(error),
  });
  const client = await connect(await serve("ws", sessions, { message: (conn, text) => conn.send(text) }));
  // Less than 95 % of the idle time is left at the end of the connection, so its message causes a touch.
  await new Promise((resolve) => setTimeout(resolve, 600));
  client.socket.send("alive");
  await client.next();
  const closing = sessions.close();
  await gap.reached;
  await client.closed;
  await new Promise((resolve) => setTimeout(resolve, 50));
  const wasClosed = isStoreClosed;
  gap.letGo();
  await closing;
  expect(wasClosed).toBe(false);
  expect(errors).toEqual([]);
});

test.each(["session.destroy", "sessions.destroy", "destroySubject"] as const)(
  "I9 a read that finds the session gone before %s has its answer closes the connections with the reason of the call",
  async (call) => {
    const gap = newGap();
    const store = openStore("redis", redis.port, { prefix: newPrefix() });
    const step = call === "destroySubject" ? call : "destroy";
    const sessions = createSessions({
      store: withGap(store, step, "after", gap),
      token: queryToken(),
      initial: () => ({ n: 0 }),
    });
    onTestFinished(() => sessions.close());
    const client = await connect(await serve("ws", sessions));
    // Registered last, so that it is called first: close() waits for the answer that the gap holds.
    const [connection = expect.fail("no connection")] = sessions.connections;
    const { session } = connection;
    await session.identify("ada");
    const destroyed =
      call === "session.destroy"
        ? session.destroy("banned")
        : call === "sessions.destroy"
          ? sessions.destroy(session.id, "banned")
          : sessions.destroySubject("ada", "banned");
    await gap.reached;
    await expect(session.refresh()).rejects.toMatchObject({ code: "SESSION_GONE" });
    expect(await client.closed).toMatchObject({ code: 4410, reason: "banned" });
    gap.letGo();
    await destroyed;
  },
);

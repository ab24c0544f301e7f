import { Journal } from "@wsession/conformance";
import { createSessions, isSessionError, queryToken } from "@wsession/core";
import type { Connection, SessionsOptions } from "@wsession/core";
import { expect, test } from "vitest";
import { connect, serve } from "./runtimes.ts";
import type { RuntimeName } from "./runtimes.ts";
import { newPrefix, openStore } from "./stores.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";

type Data = { readonly n: number };
type Conn = Connection<Data, unknown, never>;

const redis = useRedisServer();

const codeOf = (error: unknown): unknown => (isSessionError(error) ? error.code : error);

/** Two applications that share only Redis, as two processes do. One runs ws, the other uWebSockets.js. */
async function twoNodes(options: Pick<SessionsOptions<Data>, "exclusive" | "idleMs" | "admit"> = {}) {
  const prefix = newPrefix();
  const start = async (runtime: RuntimeName) => {
    const opened = new Journal<Conn>();
    const sessions = createSessions<Data>({
      store: openStore("redis", redis.port, { prefix, confirmMs: 20_000 }),
      token: queryToken(),
      initial: () => ({ n: 0 }),
      ...options,
    });
    const server = await serve(runtime, sessions, { open: (connection) => opened.note(connection) });
    const open = async (path = "/") => {
      const before = opened.entries.length;
      const client = await connect(server, path);
      await opened.until(before + 1);
      const connection = opened.entries.at(-1) ?? expect.unreachable();
      expect(connection.resumed).toBe(path.includes("token"));
      return { client, connection };
    };
    return { sessions, open };
  };
  return [await start("ws"), await start("uws")] as const;
}

test("I13 exclusive: a connection at the other node takes the session over; the older one ends with 4409 and can't write", async () => {
  const [one, two] = await twoNodes({ exclusive: true });
  const first = await one.open();
  const second = await two.open(`/?token=${first.connection.token}`);
  expect(await first.client.closed).toMatchObject({ code: 4409 });
  expect(await first.connection.session.patch({ n: 1 }).catch(codeOf)).toBe("FENCED");
  await second.connection.session.patch({ n: 2 });
  const back = await one.open(`/?token=${first.connection.token}`);
  expect(await second.client.closed).toMatchObject({ code: 4409 });
  expect(await second.connection.session.patch({ n: 3 }).catch(codeOf)).toBe("FENCED");
  expect(back.connection.session.data).toEqual({ n: 2 });
});

test("I9 destroySubject ends the subject's connections at every node, and returns their number", async () => {
  const [one, two] = await twoNodes();
  const [here, there, stranger] = [await one.open(), await two.open(), await two.open()];
  await here.connection.session.identify("ada");
  await there.connection.session.identify("ada");
  expect((await one.sessions.bySubject("ada")).map(({ id }) => id).toSorted()).toEqual(
    [here.connection.session.id, there.connection.session.id].toSorted(),
  );
  expect(await one.sessions.destroySubject("ada", "everywhere")).toEqual({
    destroyed: 2,
    closed: 2,
    unreachable: [],
  });
  const expected = { code: 4410, reason: "everywhere" };
  expect(await Promise.all([here.client.closed, there.client.closed])).toEqual([expected, expected]);
  await stranger.client.roundTrip();
});

test("destroy reports the connections that both nodes closed", async () => {
  const [one, two] = await twoNodes();
  const first = await one.open();
  const second = await two.open(`/?token=${first.connection.token}`);
  const third = await two.open(`/?token=${first.connection.token}`);
  expect(await two.sessions.destroy(first.connection.session.id, "over")).toEqual({
    destroyed: 1,
    closed: 3,
    unreachable: [],
  });
  for (const { client } of [first, second, third]) expect((await client.closed).code).toBe(4410);
});

test("a client that sends messages at one node keeps the session alive at the other", async () => {
  const [one, two] = await twoNodes({ idleMs: 2_000 });
  const first = await one.open();
  const second = await two.open(`/?token=${first.connection.token}`);
  const started = performance.now();
  while (performance.now() - started < 3_500) {
    second.client.send("still here");
    await second.client.roundTrip();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await first.client.roundTrip();
  expect([...one.sessions.connections]).toHaveLength(1);
  expect((await first.client.closed).code).toBe(4419);
  expect((await second.client.closed).code).toBe(4419);
});

test("sessions.close() at one node keeps the session at the other, and removes the node from presence", async () => {
  const [one, two] = await twoNodes();
  const first = await one.open();
  const second = await two.open(`/?token=${first.connection.token}`);
  const { id } = first.connection.session;
  expect(await two.sessions.presence(id)).toMatchObject({ connections: 2, missing: [] });
  await one.sessions.close();
  expect((await first.client.closed).code).toBe(1012);
  expect(await two.sessions.presence(id)).toMatchObject({ connections: 1, missing: [] });
  await second.connection.session.patch({ n: 5 });
  expect(await second.connection.session.refresh()).toEqual({ n: 5 });
});

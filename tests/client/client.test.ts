/** The client and the server together, over a network that can be cut, on both runtimes. */
import { tokenInMemory } from "@wsession/client";
import { Journal, outcomeOf, until } from "@wsession/conformance";
import { cookieToken, createSessions, protocolToken } from "@wsession/core";
import type { Connection, SessionsOptions } from "@wsession/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../../packages/store-redis/test/redis-server.ts";
import { runtimeNames, serve } from "../runtimes.ts";
import type { RuntimeName } from "../runtimes.ts";
import { Cookies, open } from "./clients.ts";
import { openStore } from "../stores.ts";
import { Line } from "./line.ts";

interface Data {
  readonly said: readonly string[];
}

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis?.stop());

/** The store of the sessions and of the messages that are kept for their clients. */
const stores = ["map", "redis"] as const;
const places = runtimeNames.flatMap((runtime) => stores.map((store) => ({ runtime, store })));

/** A server behind a line, which writes each message into its session. */
async function startServer(runtime: RuntimeName, options: Omit<SessionsOptions<Data>, "initial" | "schema">) {
  const opened = new Journal<Connection<Data, unknown, never>>();
  const sessions = createSessions<Data>({
    token: protocolToken(),
    initial: () => ({ said: [] }),
    // Ignore reports about cut connections, which the tests cause.
    onError: () => undefined,
    ...options,
  });
  const server = await serve(runtime, sessions, {
    open: (connection) => opened.note(connection),
    async message(connection, data) {
      await connection.session.update(({ said }) => ({ said: [...said, String(data)] }));
    },
  });
  const line = await Line.to(server.port);
  return { sessions, server, line, opened };
}

const live = ({ status }: { readonly status: string }) => status === "live";
const waiting = ({ status }: { readonly status: string }) => status === "waiting";

describe.each(places)("the client, with a server on $runtime and a $store store,", ({ runtime, store }) => {
  const start = (options: Partial<Parameters<typeof startServer>[1]> = {}) =>
    startServer(runtime, { store: openStore(store, redis.port), ...options });

  test("connects, and gets its session", async () => {
    const { line, opened } = await start();
    const { client, of, until: reported } = open(line, { token: tokenInMemory() });
    await reported("status", live);
    expect(of("session")).toEqual([{ id: opened.entries[0]!.session.id, resumed: false }]);
    expect(client.sendNow("now")).toBe(true);
    await until(() => opened.entries[0]!.session.data.said.includes("now"));
  });

  test.each([
    ["by token", () => ({ server: {}, client: { token: tokenInMemory() } })],
    [
      "by cookie",
      () => ({
        server: { token: cookieToken({ name: "wsession", secure: false }) },
        client: { WebSocket: new Cookies().WebSocket },
      }),
    ],
  ] as const)("comes back to its session %s", async (_, options) => {
    const { server, client: own } = options();
    const { line, opened } = await start(server);
    const { client, of, until: reported } = open(line, own);
    await reported("status", live);
    await client.send("first");
    line.cut();
    await reported("session", ({ resumed }) => resumed);
    await client.send("second");
    const { id } = opened.entries[0]!.session;
    expect(of("session")).toEqual([
      { id, resumed: false },
      { id, resumed: true },
    ]);
    expect(opened.entries.at(-1)!.session.data.said).toEqual(["first", "second"]);
  });

  test("I16 gets the messages that were kept while it was away, in order, each once", async () => {
    const { line, opened, sessions } = await start();
    const { of, until: reported } = open(line, { token: tokenInMemory() });
    await reported("status", live);
    const { session } = opened.entries[0]!;
    await session.send("0");
    await reported("message");
    for (let round = 0; round < 3; round += 1) {
      line.isDown = true;
      line.cut();
      await reported("status", waiting);
      for (let index = 1; index <= 20; index += 1) await sessions.send(session.id, `${round * 20 + index}`);
      line.isDown = false;
      await reported("message", ({ data }) => data === `${round * 20 + 20}`);
    }
    const messages = of("message");
    expect(messages.map(({ data }) => data)).toEqual(Array.from({ length: 61 }, (_, index) => `${index}`));
    expect(messages.map(({ offset }) => offset)).toEqual(Array.from({ length: 61 }, (_, index) => index + 1));
    expect(messages.map(({ replayed }) => replayed)).toEqual(messages.map((_, index) => index > 0));
    expect(of("missed")).toEqual([]);
  });

  test("I16 gets the offsets of the messages that are no longer kept", async () => {
    const { line, opened } = await start({ outbox: { maxMessages: 5 } });
    const { of, until: reported } = open(line, { token: tokenInMemory() });
    await reported("status", live);
    const { session } = opened.entries[0]!;
    await session.send("1");
    await reported("message");
    line.isDown = true;
    line.cut();
    await reported("status", waiting);
    for (let index = 2; index <= 10; index += 1) await session.send(`${index}`);
    line.isDown = false;
    await reported("message", ({ data }) => data === "10");
    // The message at the client's position is no longer kept: the server can't compare the position.
    expect(of("missed")).toEqual([{ from: 2, to: 5, certain: false }]);
    expect(of("message").map(({ offset }) => offset)).toEqual([1, 6, 7, 8, 9, 10]);
  });

  test("numbered messages are handled in order, each at least once, however often the line is cut", async () => {
    const { line, opened } = await start();
    const { client, until: reported } = open(line, { token: tokenInMemory(), attempts: 50 });
    await reported("status", live);
    const sent: Promise<string>[] = [];
    for (let index = 0; index < 100; index += 1) {
      sent.push(outcomeOf(client.send(`${index}`)));
      if (index % 20 === 10) {
        line.cut();
        await reported("status", live);
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(await Promise.all(sent)).toEqual(sent.map(() => "applied"));
    const { said } = opened.entries.at(-1)!.session.data;
    const firsts = said.filter((one, index) => said.indexOf(one) === index);
    expect(firsts).toEqual(Array.from({ length: 100 }, (_, index) => `${index}`));
  });

  test("exclusive: a newer client takes the session over, and the older one stops, replaced", async () => {
    const token = tokenInMemory();
    const { line } = await start({ exclusive: true });
    const first = open(line, { token });
    await first.until("status", live);
    const second = open(line, { token });
    expect(await first.until("closed")).toMatchObject({ code: 4409, why: "replaced" });
    await second.until("status", live);
    expect(second.client.session?.resumed).toBe(true);
  });

  test("exclusive: a client that replaces its own connection continues", async () => {
    const { line } = await start({ exclusive: true });
    const { client, of, until: reported } = open(line, { token: tokenInMemory() });
    await reported("status", live);
    for (let turn = 0; turn < 5; turn += 1) {
      client.reconnect();
      await until(() => of("session").length === turn + 2 && client.status === "live");
    }
    expect(of("closed")).toEqual([]);
    await client.send("still there");
  });

  test("after its session is destroyed the client requires a login, and has dropped the token", async () => {
    const token = tokenInMemory();
    const { line, opened, sessions } = await start();
    const { client, until: reported } = open(line, { token });
    await reported("status", live);
    expect(await token.read()).toBeTypeOf("string");
    await sessions.destroy(opened.entries[0]!.session.id);
    expect(await reported("closed")).toMatchObject({ code: 4410, why: "login" });
    expect(await outcomeOf(client.send("late"))).toBe("CLOSED not-applied");
    await until(() => token.read() === undefined);
  });

  test("a session that expires asks for a login", async () => {
    const { line } = await start({ idleMs: 300 });
    const { until: reported } = open(line, { token: tokenInMemory() });
    expect(await reported("closed")).toMatchObject({ code: 4419, why: "login" });
  });

  test("a server that closes sends its clients to another server, and none of their messages is lost", async () => {
    const { line, server, opened } = await start();
    const { client, of, until: reported } = open(line, { token: tokenInMemory() });
    await reported("status", live);
    await client.send("before");
    const { session } = opened.entries[0]!;
    await session.send("kept");
    await reported("message");
    line.isDown = true;
    const closing = server.binding.close();
    await reported("status", waiting);
    const meanwhile = client.send("meanwhile");
    await closing;
    expect(of("closed")).toEqual([]);
    expect(await Promise.race([outcomeOf(meanwhile), "waits"])).toBe("waits");
  });

  test("gate open: a plain message logs the client in, and numbered messages are handled after that", async () => {
    const said: string[] = [];
    const sessions = createSessions<Data>({ gate: "open", onError: () => undefined });
    const server = await serve(
      runtime,
      sessions as never,
      {
        async message(connection: Connection<Data>, data: string | Uint8Array) {
          if (connection.session === undefined) await connection.setSession({ said: [] });
          else said.push(String(data));
        },
      } as never,
    );
    const { client, until: reported } = open(server);
    const numbered = client.send("after");
    await reported("status", live);
    expect(client.session).toBeUndefined();
    expect(client.sendNow("log in")).toBe(true);
    await numbered;
    expect(said).toEqual(["after"]);
    expect(client.session).toMatchObject({ resumed: false });
  });
});

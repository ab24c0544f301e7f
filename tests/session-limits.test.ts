import { Journal, RawClient } from "@wsession/conformance";
import { accept, createSessions, isSessionError, queryToken } from "@wsession/core";
import type { Connection, SessionsOptions, SessionStore } from "@wsession/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import type { RuntimeName } from "./runtimes.ts";
import { openStore } from "./stores.ts";
import type { StoreName } from "./stores.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";

type Data = { readonly n: number };
type Conn = Connection<Data, unknown, never>;
type Limit = SessionsOptions<Data>["maxSessionsPerSubject"];

const redis = useRedisServer();
const storesHere: readonly StoreName[] = ["in-connection", "map", "redis"];

const codeOf = (error: unknown): unknown => (isSessionError(error) ? error.code : error);

/** The visitor is who the path says: `/?as=ada`. */
async function open(runtime: RuntimeName, store: SessionStore, maxSessionsPerSubject: Limit) {
  const sessions = createSessions<Data>({
    store,
    maxSessionsPerSubject,
    ...(store.capabilities.resumable && { token: queryToken() }),
    admit: ({ url }) => accept({ subject: new URL(url, "ws://x").searchParams.get("as") ?? undefined }),
    initial: () => ({ n: 0 }),
  });
  const opened = new Journal<Conn>();
  const server = await serve(runtime, sessions, { open: (connection) => opened.note(connection) });
  const visit = async (path = "/") => {
    const before = opened.entries.length;
    const client = await connect(server, path);
    await opened.until(before + 1);
    return { client, connection: opened.entries[before] ?? expect.unreachable() };
  };
  return { sessions, server, visit };
}

const over = { code: 4409, reason: "too many sessions of one subject" };
const combinations = runtimeNames.flatMap((runtime) => storesHere.map((store) => ({ runtime, store })));

describe.each(combinations)("maxSessionsPerSubject, $runtime on $store", ({ runtime, store }) => {
  const start = (limit: Limit) => open(runtime, openStore(store, redis.port), limit);

  test("a login over the limit ends the session with the earliest login, with 4409", async () => {
    const { visit, sessions } = await start(2);
    const first = await visit("/?as=ada");
    const second = await visit("/?as=ada");
    const bob = await visit("/?as=bob");
    const third = await visit("/?as=ada");
    expect(await first.client.closed).toEqual(over);
    expect(await first.connection.session.patch({ n: 1 }).catch(codeOf)).toBe("SESSION_GONE");
    const ids = (await sessions.bySubject("ada")).map(({ id }) => id);
    expect(ids.toSorted()).toEqual([second, third].map(({ connection }) => connection.session.id).toSorted());
    await Promise.all([second, third, bob].map(({ client }) => client.roundTrip()));
  });

  test("identify counts as a login: the order is that of the logins, not of the sessions", async () => {
    const { visit } = await start({ max: 2 });
    const early = await visit();
    const first = await visit("/?as=ada");
    await early.connection.session.identify("ada");
    await early.connection.session.identify("ada");
    const third = await visit("/?as=ada");
    expect(await first.client.closed).toEqual(over);
    await Promise.all([early.client.roundTrip(), third.client.roundTrip()]);
  });

  test('over: "refuse" refuses identify with TOO_MANY_SESSIONS, and changes nothing', async () => {
    const { visit } = await start({ max: 1, over: "refuse" });
    const ada = await visit("/?as=ada");
    const other = await visit();
    expect(await other.connection.session.identify("ada").catch(codeOf)).toBe("TOO_MANY_SESSIONS");
    expect(other.connection.session.subject).toBeUndefined();
    await ada.connection.session.identify("ada");
    await other.connection.session.identify("bob");
    await Promise.all([ada.client.roundTrip(), other.client.roundTrip()]);
    await ada.connection.session.destroy();
    await ada.client.closed;
    await other.connection.session.identify("ada");
  });

  test("after 20 simultaneous logins exactly as many sessions are left as the limit allows", async () => {
    const { server, sessions } = await start(3);
    // Also a login that later ones overtook before its answer gets 4409.
    const clients = await Promise.all(Array.from({ length: 20 }, () => connect(server, "/?as=ada")));
    const ended = new Journal<number>();
    for (const client of clients) void client.closed.then(({ code }) => ended.note(code));
    await ended.until(clients.length - 3);
    expect(ended.entries.filter((code) => code !== 4409)).toEqual([]);
    expect(await sessions.bySubject("ada")).toHaveLength(3);
    const alive = clients.filter(({ socket }) => socket.readyState === socket.OPEN);
    expect(alive).toHaveLength(3);
    await Promise.all(alive.map((client) => client.roundTrip()));
  });
});

describe.each(runtimeNames)('maxSessionsPerSubject with over: "refuse", %s', (runtime) => {
  test.each(storesHere.filter((store) => store !== "in-connection"))(
    "the handshake of a login over the number gets 403, and the client of a session may still come back (%s)",
    async (store) => {
      const { server, visit } = await open(runtime, openStore(store, redis.port), { max: 1, over: "refuse" });
      const ada = await visit("/?as=ada");
      const raw = new RawClient(server.port);
      onTestFinished(() => raw.destroy());
      raw.upgrade({ path: "/?as=ada" });
      expect((await raw.refusal).status).toBe(403);
      const framed = await connect(server, "/?as=ada", { protocols: ["v1.wsession"] });
      expect(await framed.closed).toEqual({ code: 4403, reason: "too many sessions of one subject" });
      await visit(`/?as=ada&token=${ada.connection.token}`);
    },
  );

  test("on the store on connections a connection over the limit is closed with 4403", async () => {
    const { server, visit } = await open(runtime, openStore("in-connection", 0), { max: 1, over: "refuse" });
    const ada = await visit("/?as=ada");
    const late = await connect(server, "/?as=ada");
    expect(await late.closed).toEqual({ code: 4403, reason: "too many sessions of one subject" });
    await ada.client.roundTrip();
  });
});

test("a store without the methods is refused when the sessions are created", () => {
  const own = openStore("map", 0);
  const older = new Proxy(own, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (name === "takeOverSubject") return undefined;
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  for (const options of [{ exclusive: "subject" }, { maxSessionsPerSubject: 5 }] as const) {
    const create = () => createSessions({ store: older, ...options });
    expect(create).toThrow(expect.objectContaining({ code: "NOT_SUPPORTED" }));
  }
});

import { Journal } from "@wsession/conformance";
import { accept, createSessions, isSessionError, queryToken } from "@wsession/core";
import type { CommonOptions, Connection, SessionEvent, SessionStore } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import type { RuntimeName } from "./runtimes.ts";
import { openStore } from "./stores.ts";
import type { StoreName } from "./stores.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";

type Data = { readonly n: number };
type Conn = Connection<Data, unknown, never>;

const redis = useRedisServer();
const storesHere: readonly StoreName[] = ["in-connection", "map", "redis"];

const codeOf = (error: unknown): unknown => (isSessionError(error) ? error.code : error);

/** The visitor is who the path says: `/?as=ada`. */
async function open(
  runtime: RuntimeName,
  store: SessionStore,
  presence: Pick<CommonOptions, "events" | "leaveAfterMs"> = {},
) {
  const sessions = createSessions<Data>({
    ...presence,
    store,
    exclusive: "subject",
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

const replaced = { code: 4409, reason: "replaced by a newer connection" };

const combinations = runtimeNames.flatMap((runtime) => storesHere.map((store) => ({ runtime, store })));

describe.each(combinations)('exclusive: "subject", $runtime on $store', ({ runtime, store }) => {
  const start = () => open(runtime, openStore(store, redis.port));

  test("a login ends the subject's other connection with 4409, and its handle can't write (I13)", async () => {
    const { visit, sessions } = await start();
    const phone = await visit("/?as=ada");
    const other = await visit("/?as=bob");
    const laptop = await visit("/?as=ada");
    expect(await phone.client.closed).toEqual(replaced);
    const late = await phone.connection.session.patch({ n: 1 }).catch(codeOf);
    expect(["FENCED", "SESSION_GONE"]).toContain(late);
    await laptop.connection.session.patch({ n: 2 });
    await Promise.all([laptop.client.roundTrip(), other.client.roundTrip()]);
    expect(await sessions.bySubject("ada")).toHaveLength(sessionsLeft(store));
  });

  test("a session that lost its connection to a newer login leaves once, after leaveAfterMs", async () => {
    const left = new Journal<SessionEvent>();
    const events = { left: (event: SessionEvent) => left.note(event) };
    const { visit } = await open(runtime, openStore(store, redis.port), { events, leaveAfterMs: 100 });
    const phone = await visit("/?as=ada");
    const laptop = await visit("/?as=ada");
    expect(await phone.client.closed).toEqual(replaced);
    const { id } = phone.connection.session;
    await left.until(1);
    expect(left.entries).toMatchObject([{ sessionId: id, subject: "ada" }]);
    const tablet = await visit("/?as=ada");
    expect(await laptop.client.closed).toEqual(replaced);
    await left.until(2);
    await tablet.client.roundTrip();
    expect(left.entries.map(({ sessionId }) => sessionId)).toEqual([id, laptop.connection.session.id]);
  });

  test("identify takes the subject over at that moment, and its own connection stays", async () => {
    const { visit } = await start();
    const phone = await visit("/?as=ada");
    const anonymous = await visit();
    const laptop = await visit();
    await laptop.connection.session.identify("ada");
    expect(await phone.client.closed).toEqual(replaced);
    await laptop.connection.session.update(({ n }) => ({ n: n + 1 }));
    expect(await laptop.connection.session.refresh()).toEqual({ n: 1 });
    await Promise.all([laptop.client.roundTrip(), anonymous.client.roundTrip()]);
    // A write that waits behind the login is applied with the new fence.
    const again = laptop.connection.session.identify("ada");
    const write = laptop.connection.session.patch({ n: 7 });
    await Promise.all([again, write]);
    expect(laptop.connection.session.data).toEqual({ n: 7 });
  });

  test("20 simultaneous logins leave exactly one connection", async () => {
    const { server } = await start();
    const clients = await Promise.all(Array.from({ length: 20 }, () => connect(server, "/?as=ada")));
    await expectOneLeft(clients);
  });
});

/** What is left of two sessions of a subject, if one lost its connection. */
const sessionsLeft = (store: StoreName): number => (store === "in-connection" ? 1 : 2);

async function expectOneLeft(clients: readonly Awaited<ReturnType<typeof connect>>[]): Promise<void> {
  const codes: number[] = [];
  const ended = new Journal<number>();
  for (const client of clients) void client.closed.then(({ code }) => codes.push(code) && ended.note(code));
  await ended.until(clients.length - 1);
  expect(codes).toEqual(Array.from({ length: clients.length - 1 }, () => 4409));
  const alive = clients.filter(({ socket }) => socket.readyState === socket.OPEN);
  expect(alive).toHaveLength(1);
  await alive[0]?.roundTrip();
}

const resumable = combinations.filter(({ store }) => store !== "in-connection");

describe.each(resumable)(
  'exclusive: "subject", $runtime on $store: sessions that stay',
  ({ runtime, store }) => {
    test("the client of a session that lost its connection can come back, and is then the newest", async () => {
      const { visit } = await open(runtime, openStore(store, redis.port));
      const phone = await visit("/?as=ada");
      await phone.connection.session.patch({ n: 5 });
      const laptop = await visit("/?as=ada");
      await phone.client.closed;
      const back = await visit(`/?as=ada&token=${phone.connection.token}`);
      expect(back.connection.session.data).toEqual({ n: 5 });
      expect(await laptop.client.closed).toEqual(replaced);
      await back.connection.session.patch({ n: 6 });
      await back.client.roundTrip();
    });

    test('a connection without a subject behaves as with exclusive: "session"', async () => {
      const { visit } = await open(runtime, openStore(store, redis.port));
      const first = await visit();
      const stranger = await visit();
      const second = await visit(`/?token=${first.connection.token}`);
      expect(await first.client.closed).toEqual(replaced);
      await Promise.all([second.client.roundTrip(), stranger.client.roundTrip()]);
    });
  },
);

import { accept, createSessions, isSessionError, queryToken } from "@wsession/core";
import type { Connection, SessionStore } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { newGap } from "./gaps.ts";
import { withGap } from "./held.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import { openStore, storeNames } from "./stores.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";

const redis = useRedisServer();

const codeOf = (error: unknown): unknown => (isSessionError(error) ? error.code : error);

/** What a program without types may pass for a name. */
const noNames: readonly unknown[] = [undefined, null, 0, 7, true, {}, [], ["ada"], Symbol("ada")];

/** Calls it as a program without types does. */
async function untyped(object: object, name: string, argument: unknown): Promise<unknown> {
  const method: unknown = Reflect.get(object, name);
  if (typeof method !== "function") throw new Error(`there is no ${name}`);
  return Reflect.apply(method, object, [argument]);
}

const combinations = runtimeNames.flatMap((runtime) => storeNames.map((store) => ({ runtime, store })));

describe.each(combinations)("$runtime on $store", ({ runtime, store }) => {
  test("fault A3: an invalid subject or id throws INVALID_ARGUMENT, and destroys no session", async () => {
    const sessions = createSessions({ store: openStore(store, redis.port), initial: () => ({ n: 0 }) });
    const server = await serve(runtime, sessions);
    const client = await connect(server);
    const [connection = expect.unreachable()] = sessions.connections;
    for (const name of ["destroySubject", "bySubject", "destroy", "get", "presence"])
      for (const argument of noNames)
        expect([name, argument, await untyped(sessions, name, argument).catch(codeOf)]).toEqual([
          name,
          argument,
          "INVALID_ARGUMENT",
        ]);
    for (const name of ["destroySubject", "bySubject"])
      expect(await untyped(sessions, name, "").catch(codeOf)).toBe("INVALID_ARGUMENT");
    for (const argument of [...noNames, ""])
      expect(await untyped(connection.session, "identify", argument).catch(codeOf)).toBe("INVALID_ARGUMENT");
    await client.roundTrip();
    expect(await sessions.get(connection.session.id)).toBeDefined();
  });
});

const resumable = combinations.filter(({ store }) => store !== "in-connection");

describe.each(resumable)("$runtime on $store: a session without a subject", ({ runtime, store }) => {
  /** Each visitor is who the path says, and is attached to the session that it names. */
  async function open(own: SessionStore = openStore(store, redis.port)) {
    const reports: string[] = [];
    const sessions = createSessions({
      store: own,
      token: queryToken(),
      onError: (_, { stage, sessionId }) => reports.push(`${stage} of ${sessionId}`),
      admit({ url }) {
        const { searchParams } = new URL(url, "ws://x");
        const [subject, sessionId] = [searchParams.get("as"), searchParams.get("id")];
        return accept({ subject: subject ?? undefined, sessionId: sessionId ?? undefined });
      },
      initial: () => ({ n: 0 }),
    });
    const opened = new Map<string, Connection<{ n: number }, unknown, never>>();
    let visitors = 0;
    const server = await serve(runtime, sessions, {
      open: (connection, { url }) => void opened.set(url, connection),
    });
    const visit = async (path: string) => {
      const visitor = `${path}&visitor=${(visitors += 1)}`;
      const client = await connect(server, visitor);
      const connection = opened.get(visitor) ?? expect.unreachable();
      return { client, connection };
    };
    return { sessions, server, visit, reports };
  }

  test("fault A2: gets the subject with accept({ subject, sessionId }), and ends with the subject's sessions", async () => {
    const { sessions, visit } = await open();
    const { session } = await sessions.create({ n: 7 });
    const { client, connection } = await visit(`/?as=ada&id=${session.id}`);
    expect(connection).toMatchObject({ resumed: true, session: { id: session.id, subject: "ada" } });
    expect((await sessions.bySubject("ada")).map(({ id }) => id)).toEqual([session.id]);
    expect(await sessions.get(session.id)).toMatchObject({ subject: "ada", version: 2, data: { n: 7 } });
    expect(await sessions.destroySubject("ada", "out")).toMatchObject({ destroyed: 1, closed: 1 });
    expect(await client.closed).toEqual({ code: 4410, reason: "out" });
    expect(await sessions.get(session.id)).toBeUndefined();
  });

  test("fault A2: then has a new token, which its connection receives, and the older token resumes nothing", async () => {
    const { sessions, visit, reports } = await open();
    const { session, token } = await sessions.create({ n: 7 });
    const { connection } = await visit(`/?as=ada&id=${session.id}`);
    const stranger = await visit(`/?token=${token}`);
    expect(stranger.connection.session.id).not.toBe(session.id);
    expect(reports).toEqual([`theft of ${session.id}`]);
    const back = await visit(`/?as=ada&token=${connection.token}`);
    expect(back.connection.session.id).toBe(session.id);
    // The session already has this subject, so the token is not replaced.
    const again = await visit(`/?as=ada&id=${session.id}`);
    expect(again.connection).toMatchObject({ resumed: true, token: undefined });
    expect(again.connection.session.version).toBe(2);
  });

  test("fault A2: gets only one of two subjects whose handshakes are pending at the same time", async () => {
    const gap = newGap();
    const { sessions, visit } = await open(withGap(openStore(store, redis.port), "rotate", "before", gap));
    const { session } = await sessions.create({ n: 7 });
    const late = visit(`/?as=eve&id=${session.id}`);
    await gap.reached;
    const second = visit(`/?as=ada&id=${session.id}`);
    gap.letGo();
    const opened = [(await late).connection.session, (await second).connection.session];
    expect((await sessions.get(session.id))?.subject).toMatch(/^(ada|eve)$/);
    const all = [...(await sessions.bySubject("ada")), ...(await sessions.bySubject("eve"))];
    expect(all.filter(({ id }) => id === session.id)).toHaveLength(1);
    // A late client gets a session of its own, and never the session of another subject.
    expect(opened.filter(({ id }) => id === session.id)).toHaveLength(1);
    expect(new Set(opened.map(({ subject }) => subject))).toEqual(new Set(["ada", "eve"]));
  });
});

test.each(storeNames)(
  "fault A3: the store %s also refuses an invalid subject when it is called directly",
  async (store) => {
    const opened = openStore(store, redis.port);
    const host = { held: () => undefined, heldIds: () => [], notify: () => 0, onError: () => undefined };
    opened.attach(host);
    for (const name of ["destroySubject", "bySubject"])
      for (const argument of noNames)
        expect(await untyped(opened, name, argument).catch(codeOf)).toBe("INVALID_ARGUMENT");
    await opened.close();
  },
);

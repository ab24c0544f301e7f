import { createSessions, inConnectionStore, isSessionError, queryToken } from "@wsession/core";
import type { SessionStore } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { describe, expect, onTestFinished, test } from "vitest";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";
import { newGap } from "./gaps.ts";
import { withGap } from "./held.ts";
import { connect, serve } from "./runtimes.ts";
import { newPrefix, openStore, redisClient } from "./stores.ts";

const redis = useRedisServer();

interface Data {
  readonly n: number;
}

const codeOf = (error: unknown): unknown => (isSessionError(error) ? error.code : error);

function sessionsOn(store: SessionStore, options: { destroyOnTheft?: boolean; idleMs?: number } = {}) {
  const reports: string[] = [];
  const sessions = createSessions<Data>({
    store,
    token: queryToken(),
    graceMs: 20,
    onError: (error, { stage }) => reports.push(`${stage}: ${String(error)}`),
    ...options,
  });
  onTestFinished(() => sessions.close());
  return { sessions, reports };
}

describe.each(["map", "redis"] as const)("sessions.open on %s", (name) => {
  const store = () => openStore(name, redis.port);

  test("a whole token opens its session, without a connection and without a fence (I13)", async () => {
    const { sessions, reports } = sessionsOn(store());
    const { session, token } = await sessions.create({ n: 1 });
    const opened = await sessions.open(token);
    expect(opened?.id).toBe(session.id);
    await opened?.patch({ n: 2 });
    expect(session.data).toEqual({ n: 2 });
    expect(await sessions.presence(session.id)).toMatchObject({ connections: 0 });
    expect(sessions.diagnostics.sessionsResumed).toBe(0);
    expect(reports).toEqual([]);
  });

  test("anything else opens nothing, is counted as a handshake counts it, and no report has a token in it", async () => {
    const { sessions, reports } = sessionsOn(store());
    const { session, token } = await sessions.create({ n: 1 });
    const wrong = `${session.id}.${"A".repeat(43)}`;
    const unknown = `${"A".repeat(22)}.${"A".repeat(43)}`;
    for (const one of ["", "x", session.id, `${token} `, token.replace(".", "~"), unknown, wrong])
      expect(await sessions.open(one)).toBeUndefined();
    expect(await sessions.open([])).toBeUndefined();
    expect(await sessions.open(token, { subject: "ada" })).toBeUndefined();
    expect(sessions.diagnostics).toMatchObject({
      tokensMalformed: 5,
      tokensUnknown: 1,
      tokensWrong: 1,
      tokensForeign: 1,
    });
    const { token: hers } = await session.identify("ada");
    expect((await sessions.open(hers, { subject: "ada" }))?.subject).toBe("ada");
    expect(await sessions.open(hers, { subject: "eve" })).toBeUndefined();
    expect(await sessions.open(token)).toBeUndefined();
    expect(sessions.diagnostics.tokensStolen).toBe(1);
    expect(reports).toEqual([expect.stringMatching(/^theft: /)]);
    for (const secret of [token, hers]) expect(reports.join()).not.toContain(secret.split(".")[1]);
  });

  test("a stolen token destroys the session with destroyOnTheft, unless its replacement comes with it", async () => {
    const { sessions, reports } = sessionsOn(store(), { destroyOnTheft: true });
    const { session, token } = await sessions.create({ n: 1 });
    const { token: next } = await session.identify("ada");
    expect((await sessions.open([token, next]))?.id).toBe(session.id);
    expect(reports).toEqual([]);
    expect(await sessions.open(token)).toBeUndefined();
    await expect.poll(() => sessions.get(session.id)).toBeUndefined();
    expect(await sessions.open(next)).toBeUndefined();
  });

  test("the first of several tokens that opens a session counts, and four are tried", async () => {
    const { sessions } = sessionsOn(store());
    const { session, token } = await sessions.create({ n: 1 });
    expect((await sessions.open(["x", "y", "z", token]))?.id).toBe(session.id);
    expect(await sessions.open(["w", "x", "y", "z", token])).toBeUndefined();
  });

  test("a request is activity, unless touch is false", async () => {
    const { sessions } = sessionsOn(store(), { idleMs: 1_500 });
    const { token } = await sessions.create({ n: 1 });
    const { token: other } = await sessions.create({ n: 2 });
    // Until the other session expires. If the machine stalls for the whole idle time, both end.
    while ((await sessions.open(other, { touch: false })) !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      await sessions.open(token);
    }
    expect(await sessions.open(token)).toBeDefined();
  });

  test("of two requests with one token that replace it at once, one succeeds, and the other rejects with CONFLICT", async () => {
    const prefix = newPrefix();
    const one = name === "redis" ? openStore(name, redis.port, { prefix }) : openStore(name, redis.port);
    const { sessions, reports } = sessionsOn(one);
    const other = name === "redis" ? sessionsOn(openStore(name, redis.port, { prefix })).sessions : sessions;
    const { token } = await sessions.create({ n: 1 });
    const [first, second] = [await sessions.open(token), await other.open(token)];
    const results = await Promise.allSettled([first?.identify("ada"), second?.identify("bob")]);
    const won = results.filter((result) => result.status === "fulfilled");
    const lost = results.filter((result) => result.status === "rejected");
    expect([won.length, lost.map(({ reason }) => codeOf(reason))]).toEqual([1, ["CONFLICT"]]);
    const kept = await sessions.open(won[0]?.value?.token ?? "");
    expect(["ada", "bob"]).toContain(kept?.subject);
    // The handle that replaced the token may replace it again.
    await expect(kept?.rotate()).resolves.toBeDefined();
    await expect(kept?.rotate()).resolves.toBeDefined();
    expect(reports).toEqual([]);
  });

  test("HTTP's change is an event of the open socket, and the socket's change is in HTTP's data", async () => {
    const { sessions } = sessionsOn(store());
    const { session, token } = await sessions.create({ n: 1 });
    const changes: number[] = [];
    const server = await serve("ws", sessions, { change: (_, { n }) => changes.push(n) });
    await connect(server, `/?token=${token}`);
    const opened = await sessions.open(token);
    await opened?.patch({ n: 2 });
    expect(changes).toEqual([2]);
    const [connection = expect.unreachable()] = sessions.connections;
    await connection.session?.patch({ n: 3 });
    expect((await sessions.open(token))?.data).toEqual({ n: 3 });
    expect(await sessions.presence(session.id)).toMatchObject({ connections: 1 });
  });

  describe.each(["before", "after"] as const)("fault A1: overtaken %s it took effect", (when) => {
    async function overtaken() {
      const gap = newGap();
      const { sessions, reports } = sessionsOn(withGap(store(), "resume", when, gap));
      const { session } = await sessions.create({ n: 1 });
      const { token } = await session.identify("ada");
      return { gap, sessions, session, token, reports };
    }

    test("after a destruction meanwhile no session is opened", async () => {
      const { gap, sessions, session, token } = await overtaken();
      const opening = sessions.open(token);
      await gap.reached;
      await sessions.destroy(session.id);
      gap.letGo();
      expect(await opening).toBeUndefined();
      expect(sessions.diagnostics.tokensUnknown).toBe(1);
    });

    test.each([{}, { subject: "ada" }])(
      "after a destroySubject meanwhile no session is opened, with the options %o",
      async (options) => {
        const { gap, sessions, token, reports } = await overtaken();
        const opening = sessions.open(token, options);
        await gap.reached;
        await sessions.destroySubject("ada");
        gap.letGo();
        expect(await opening).toBeUndefined();
        expect(await sessions.bySubject("ada")).toEqual([]);
        expect(reports).toEqual([]);
      },
    );

    test("close() meanwhile waits for the call", async () => {
      const { gap, sessions, token } = await overtaken();
      const opening = sessions.open(token);
      await gap.reached;
      const closing = sessions.close();
      gap.letGo();
      expect((await opening)?.subject).toBe("ada");
      await closing;
      expect(await sessions.open(token).catch(codeOf)).toBe("SHUTTING_DOWN");
    });
  });
});

test("a store that keeps sessions on connections rejects with NOT_SUPPORTED", async () => {
  const sessions = createSessions({ store: inConnectionStore() });
  expect(await sessions.open("x").catch(codeOf)).toBe("NOT_SUPPORTED");
});

test("I11: an unavailable store rejects the call, and does not look like an invalid token", async () => {
  const client = redisClient(1);
  const sessions = createSessions({
    store: redisStore({ client, timeoutMs: 100 }),
    onError: () => undefined,
  });
  const token = `${"A".repeat(22)}.${"A".repeat(43)}`;
  expect(await sessions.open(token).catch(codeOf)).toBe("STORE_UNAVAILABLE");
});

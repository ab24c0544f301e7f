import { RawClient } from "@wsession/conformance";
import { createSessions, isSessionError, queryToken } from "@wsession/core";
import type { SessionsOptions, SessionStore } from "@wsession/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { newGap } from "./gaps.ts";
import { withGap } from "./held.ts";
import { runtimeNames } from "./runtimes.ts";
import type { RuntimeName } from "./runtimes.ts";
import { newPrefix, openStore } from "./stores.ts";
import { lastingCombinations, serveVisits } from "./visits.ts";
import type { Data } from "./visits.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";

const redis = useRedisServer();

const codeOf = (error: unknown): unknown => (isSessionError(error) ? error.code : error);

async function open(
  runtime: RuntimeName,
  store: SessionStore,
  options: Pick<SessionsOptions<Data>, "transport" | "onError"> = {},
) {
  const sessions = createSessions<Data>({
    store,
    exclusive: true,
    token: queryToken(),
    initial: () => ({ n: 0 }),
    ...options,
  });
  return { sessions, ...(await serveVisits(runtime, sessions)) };
}

describe.each(lastingCombinations)("$runtime on $store", ({ runtime, store }) => {
  test("fault D3: a handshake that never becomes a connection does not take the session over", async () => {
    let refuses = false;
    const { server, visit } = await open(runtime, openStore(store, redis.port), {
      transport() {
        if (refuses) throw new Error("not now");
        return undefined;
      },
      onError: () => undefined,
    });
    const { client, connection } = await visit();
    refuses = true;
    const raw = new RawClient(server.port);
    onTestFinished(() => raw.destroy());
    raw.upgrade({ path: `/?token=${connection.token}` });
    expect((await raw.refusal).status).toBe(500);
    await connection.session.patch({ n: 1 });
    await client.roundTrip();
    refuses = false;
    const next = await visit(`/?token=${connection.token}`);
    expect((await client.closed).code).toBe(4409);
    expect(await connection.session.patch({ n: 2 }).catch(codeOf)).toBe("FENCED");
    await next.connection.session.patch({ n: 3 });
    expect(await next.connection.session.refresh()).toEqual({ n: 3 });
  });

  test("fault D3: a client that leaves before the answer does not take the session over", async () => {
    const gap = newGap();
    const { server, visit, sessions } = await open(
      runtime,
      withGap(openStore(store, redis.port), "resume", "after", gap),
    );
    const { client, connection } = await visit();
    const raw = new RawClient(server.port);
    raw.upgrade({ path: `/?token=${connection.token}` });
    await gap.reached;
    raw.destroy();
    await raw.closed;
    await client.roundTrip();
    gap.letGo();
    const next = await visit();
    expect(sessions.diagnostics.handshakesAbandoned).toBe(1);
    await connection.session.patch({ n: 1 });
    await Promise.all([client.roundTrip(), next.client.roundTrip()]);
  });

  test("fault D3: the newer connection's writes wait for its takeover, and the older connection's are applied before it or never (I13)", async () => {
    const gap = newGap();
    const { visit } = await open(runtime, withGap(openStore(store, redis.port), "takeOver", "before", gap));
    const { client, connection } = await visit();
    const next = await visit(`/?token=${connection.token}`);
    await gap.reached;
    expect((await client.closed).code).toBe(4409);
    const late = connection.session.patch({ n: 1 }).catch(codeOf);
    const own = next.connection.session.update(({ n }) => ({ n: n + 10 }));
    gap.letGo();
    expect(await late).toBe("FENCED");
    expect(await own).toEqual({ n: 10 });
    expect(await next.connection.session.refresh()).toEqual({ n: 10 });
    await next.client.roundTrip();
  });

  test("fault D3: of two connections with a pending takeover the newer one gets the session", async () => {
    const gap = newGap();
    const { visit } = await open(runtime, withGap(openStore(store, redis.port), "takeOver", "before", gap));
    const { connection } = await visit();
    const second = await visit(`/?token=${connection.token}`);
    await gap.reached;
    const third = await visit(`/?token=${connection.token}`);
    const lost = second.connection.session.patch({ n: 1 }).catch(codeOf);
    gap.letGo();
    expect((await second.client.closed).code).toBe(4409);
    expect(await lost).toBe("FENCED");
    await third.client.roundTrip();
  });

  test("fault D3: a takeover that fails for good closes the newer connection with 4503, and none of its writes is applied", async () => {
    const errors: unknown[] = [];
    const own = openStore(store, redis.port);
    const failing = new Proxy(own, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (name === "takeOver") return () => Promise.reject(new Error("away"));
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    const { visit } = await open(runtime, failing, { onError: (error) => errors.push(error) });
    const { connection } = await visit();
    const next = await visit(`/?token=${connection.token}`);
    expect((await next.client.closed).code).toBe(4503);
    expect(await next.connection.session.patch({ n: 1 }).catch(codeOf)).toBe("FENCED");
    expect(errors.map(codeOf)).toEqual(["STORE_UNAVAILABLE"]);
  });

  test("fault D3: a store written for 0.1, which takes over during a resume, still works (I13)", async () => {
    const own = openStore(store, redis.port);
    const older = new Proxy(own, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (name === "takeOver") return undefined;
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    const { visit } = await open(runtime, older);
    const { client, connection } = await visit();
    const next = await visit(`/?token=${connection.token}`);
    expect((await client.closed).code).toBe(4409);
    expect(await connection.session.patch({ n: 1 }).catch(codeOf)).toBe("FENCED");
    await next.connection.session.patch({ n: 2 });
    expect(await next.connection.session.refresh()).toEqual({ n: 2 });
  });
});

test.each(runtimeNames)(
  "%s: fault D3: of two simultaneous takeovers by two processes, the takeover that reaches the store last wins",
  async (runtime) => {
    const prefix = newPrefix();
    const gap = newGap();
    const [one, two] = [0, 1].map(() => openStore("redis", redis.port, { prefix }));
    const here = await open(runtime, withGap(one ?? expect.unreachable(), "takeOver", "before", gap));
    const there = await open(runtime, two ?? expect.unreachable());
    const first = await here.visit();
    const path = `/?token=${first.connection.token}`;
    const pending = await here.visit(path);
    await gap.reached;
    const other = await there.visit(path);
    await other.connection.session.patch({ n: 5 });
    await pending.client.roundTrip();
    gap.letGo();
    // The takeover that reached the store last counts.
    expect((await other.client.closed).code).toBe(4409);
    expect(await pending.connection.session.update(({ n }) => ({ n: n + 1 }))).toEqual({ n: 6 });
    await pending.client.roundTrip();
  },
);

import { createSessions, isSessionError, queryToken } from "@wsession/core";
import type { SessionsOptions } from "@wsession/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { newGap } from "./gaps.ts";
import { withGap } from "./held.ts";
import { runtimeNames } from "./runtimes.ts";
import type { RuntimeName } from "./runtimes.ts";
import { newPrefix, openStore } from "./stores.ts";
import type { StoreName } from "./stores.ts";
import { lastingCombinations, serveVisits } from "./visits.ts";
import type { Data } from "./visits.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";
import { startProxy } from "../packages/store-redis/test/tcp-proxy.ts";

const redis = useRedisServer();

/** A server whose store has a gap before or after a call. */
async function open(
  runtime: RuntimeName,
  store: StoreName,
  [call, when]: [Parameters<typeof withGap>[1], "before" | "after"],
  options: Pick<SessionsOptions<Data>, "exclusive"> = {},
) {
  const gap = newGap();
  const sessions = createSessions<Data>({
    store: withGap(openStore(store, redis.port), call, when, gap),
    token: queryToken(),
    initial: () => ({ n: 0 }),
    ...options,
  });
  const { visit } = await serveVisits(runtime, sessions);
  return { sessions, gap, visit };
}

describe.each(lastingCombinations)("$runtime on $store", ({ runtime, store }) => {
  test("fault A1: I13 a message of a connection that is replaced before the store answers its takeover is not kept", async () => {
    const { sessions, gap, visit } = await open(runtime, store, ["takeOver", "before"], { exclusive: true });
    const { connection } = await visit();
    const url = `/?token=${connection.token}`;
    const replaced = await visit(url);
    const sending = replaced.connection.session
      .send("of the replaced one")
      .catch((error: unknown) => (isSessionError(error) ? error.code : error));
    await gap.reached;
    const newest = await visit(url);
    expect((await replaced.client.closed).code).toBe(4409);
    gap.letGo();
    expect(await sending).toBe("FENCED");
    expect(await sessions.send(connection.session.id, "to the newest")).toEqual({ offset: 1 });
    expect(await newest.client.next()).toBe("to the newest");
  });

  test("fault A1: a message to a subject is not kept in a session that becomes another subject's meanwhile", async () => {
    const { sessions, gap, visit } = await open(runtime, store, ["bySubject", "after"]);
    const { client, connection } = await visit();
    await connection.session.identify("ada");
    const sending = sessions.sendToSubject("ada", "for ada alone");
    await gap.reached;
    await connection.session.identify("bob");
    gap.letGo();
    expect(await sending).toEqual({ sessions: 0, failed: 0 });
    expect(await sessions.sendToSubject("bob", "for bob")).toEqual({ sessions: 1, failed: 0 });
    expect(await client.next()).toBe("for bob");
  });

  test("fault A1: messages to a session and to its subject in one tick are each kept under their own condition", async () => {
    const { sessions, gap, visit } = await open(runtime, store, ["append", "before"]);
    const { client, connection } = await visit();
    const { id } = connection.session;
    await connection.session.identify("ada");
    const first = sessions.send(id, "first");
    await gap.reached;
    const both = [sessions.sendToSubject("ada", "for ada"), sessions.send(id, "for the session")] as const;
    gap.letGo();
    expect(await Promise.all(both)).toEqual([{ sessions: 1, failed: 0 }, { offset: expect.any(Number) }]);
    await first;
    const came = [await client.next(), await client.next(), await client.next()];
    expect(came.map(String).toSorted()).toEqual(["first", "for ada", "for the session"]);
  });
});

describe.each(runtimeNames)("%s on redis", (runtime) => {
  test.each([["identify"], ["identify while presence is recorded"]])(
    "fault A1: I18 a message to a former subject is not delivered if its announcement arrives after %s",
    async (how) => {
      const proxy = await startProxy({ host: "127.0.0.1", port: redis.port });
      onTestFinished(() => proxy.close());
      const prefix = newPrefix();
      const behind = (port: number) =>
        createSessions<Data>({
          store: openStore("redis", port, { prefix }),
          token: queryToken(),
          initial: () => ({ n: 0 }),
          ...(how === "identify" ? {} : { leaveAfterMs: 60_000 }),
        });
      const [here, elsewhere] = [behind(proxy.port), behind(redis.port)];
      onTestFinished(() => elsewhere.close());
      const { visit } = await serveVisits(runtime, here);
      const { client, connection } = await visit();
      await connection.session.identify("ada");
      await elsewhere.sendToSubject("ada", "first for ada");
      expect(await client.next()).toBe("first for ada");
      proxy.holdAnnouncements();
      expect(await elsewhere.sendToSubject("ada", "for ada alone")).toEqual({ sessions: 1, failed: 0 });
      await connection.session.identify("bob");
      expect(await elsewhere.sendToSubject("bob", "for bob")).toEqual({ sessions: 1, failed: 0 });
      proxy.replies("pass");
      expect(await client.next()).toBe("for bob");
    },
  );
});

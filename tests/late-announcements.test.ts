/** Announcements come over a connection of their own, so one may arrive after a newer change that this process has made. */
import { within } from "@wsession/conformance";
import { createSessions, queryToken } from "@wsession/core";
import { expect, test } from "vitest";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import { newPrefix, openStore, redisClient } from "./stores.ts";

const redis = useRedisServer();

test.each(runtimeNames)(
  "an older announcement of a later deadline does not keep a session beyond its deadline (%s)",
  async (runtime) => {
    const client = redisClient(redis.port);
    const prefix = newPrefix();
    const store = openStore("redis", redis.port, { prefix, sweepMs: 600_000 });
    const sessions = createSessions({ store, token: queryToken(), initial: () => ({ n: 0 }) });
    const server = await serve(runtime, sessions);
    const { closed } = await connect(server);
    const [connection = expect.fail("no connection")] = sessions.connections;
    const { session } = connection;
    const record = await client.hget(`${prefix}:s:{${session.id}}`, "h");
    const node = /^[^=]+/.exec(record ?? "")?.[0];
    // As another process' extend() announced it before.
    const later = Date.now() + 3_600_000;
    const announcement = JSON.stringify(["t", session.id, later, later, -1, -1]);
    await session.extend({ expiresAt: Date.now() + 700 });
    expect(await client.publish(`${prefix}:k:${node}`, announcement)).toBe(1);
    expect((await within(10_000, "the end of the session", closed)).code).toBe(4419);
  },
);

/** A session is destroyed while the function for its event `left` still runs. */
import { deferred } from "@wsession/conformance";
import { createSessions, queryToken } from "@wsession/core";
import type { SessionEvent, SessionEvents } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import { connect, serve } from "./runtimes.ts";
import { newPrefix, openStore, redisClient } from "./stores.ts";
import type { StoreName } from "./stores.ts";
import { until } from "../packages/store-redis/test/redis-server.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";

const redis = useRedisServer();

interface World {
  readonly store: StoreName;
  /** Whether another process destroys the session. */
  readonly isElsewhere: boolean;
  /** Whether the process that handles `left` has a function for `destroyed` too. */
  readonly hasBoth: boolean;
  readonly leaseMs: number;
}

/** A session whose `left` is being handled, and that was destroyed meanwhile. */
async function destroyedDuringLeft({ store, isElsewhere, hasBoth, leaseMs }: World) {
  const prefix = newPrefix();
  const order: string[] = [];
  const begun = deferred<string>();
  const gap = deferred();
  onTestFinished(() => gap.resolve());
  const open = (events: SessionEvents) => {
    const sessions = createSessions({
      store: openStore(store, redis.port, { prefix, leaseMs }),
      token: queryToken(),
      initial: () => ({ n: 0 }),
      events,
    });
    onTestFinished(() => sessions.close());
    return sessions;
  };
  let id = "";
  const destroyed = ({ sessionId }: SessionEvent) =>
    void order.push(sessionId === id ? "destroyed" : "of another session");
  const left = async ({ sessionId }: SessionEvent) => {
    begun.resolve(sessionId);
    await gap.promise;
    order.push("left");
  };
  const here = open(hasBoth ? { left, destroyed } : { left });
  const destroyer = isElsewhere ? open({ destroyed }) : here;
  const client = await connect(await serve("ws", here));
  client.socket.close(1000);
  id = await begun.promise;
  await destroyer.destroy(id);
  // Once the event of a later destruction has been handled, the destroyer has looked at the first session too.
  const another = await destroyer.create({ n: 0 });
  await another.session.destroy();
  await until(() => order.includes("of another session"));
  return { prefix, id, order, gap };
}

/** Longer than the test: the end of a claim must not help. */
const LONG_MS = 120_000;

test.each<World>([
  { store: "map", isElsewhere: false, hasBoth: true, leaseMs: LONG_MS },
  { store: "redis", isElsewhere: false, hasBoth: true, leaseMs: LONG_MS },
  { store: "redis", isElsewhere: true, hasBoth: true, leaseMs: LONG_MS },
  { store: "redis", isElsewhere: true, hasBoth: false, leaseMs: LONG_MS },
])(
  "`destroyed` comes once the function for `left` has settled ($store, elsewhere: $isElsewhere, one process has both: $hasBoth)",
  async (world) => {
    const { order, gap } = await destroyedDuringLeft(world);
    expect(order).toEqual(["of another session"]);
    gap.resolve();
    await until(() => order.includes("destroyed"));
    expect(order).toEqual(["of another session", "left", "destroyed"]);
  },
);

test("a `destroyed` that waits for `left` waits as long as the function runs, beyond the lease", async () => {
  const world: World = { store: "redis", isElsewhere: true, hasBoth: false, leaseMs: 9_000 };
  const { prefix, id, order, gap } = await destroyedDuringLeft(world);
  const client = redisClient(redis.port);
  const claim = async () => (await client.hget(`${prefix}:s:{${id}}`, "y")) ?? "";
  const first = await claim();
  expect(first).toMatch(/^destroyed \d+ [^-]/);
  await until(async () => (await claim()) !== first);
  const [type, at, node] = first.split(" ");
  expect(await claim()).toMatch(`${type} ${at} ${node} `);
  expect(order).toEqual(["of another session"]);
  gap.resolve();
  await until(() => order.includes("destroyed"));
  expect(order).toEqual(["of another session", "left", "destroyed"]);
});

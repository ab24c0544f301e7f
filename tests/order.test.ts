import { Journal } from "@wsession/conformance";
import { createSessions, queryToken } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedis } from "../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../packages/store-redis/test/redis-server.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import { openStore } from "./stores.ts";
import type { StoreName } from "./stores.ts";

interface Data {
  readonly n: number;
  readonly by?: string;
}
type Conn = Connection<Data, unknown, never>;

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const resumable: readonly StoreName[] = ["map", "redis"];
const combinations = runtimeNames.flatMap((runtime) => resumable.map((store) => ({ runtime, store })));
const add = ({ n }: Data): Data => ({ n: n + 1 });

/** The order of events, which is the same on every store. */
describe.each(combinations)("fault E3 on $runtime, $store", ({ runtime, store }) => {
  test("a write returns first, then the change handler of the other connection runs, then the writer's await ends; one change for one tick", async () => {
    const journal = new Journal();
    const opened = new Journal<Conn>();
    const sessions = createSessions<Data>({
      store: openStore(store, redis.port),
      token: queryToken(),
      initial: () => ({ n: 0 }),
    });
    const server = await serve(runtime, sessions, {
      open: (connection) => opened.note(connection),
      change: (connection, { n }) => journal.note(`change ${opened.entries.indexOf(connection)} ${n}`),
    });
    await connect(server);
    await opened.until(1);
    await connect(server, `/?token=${opened.entries[0]?.token}`);
    await opened.until(2);
    const [one = expect.unreachable(), two = expect.unreachable()] = opened.entries;

    for (const write of [
      () => one.session.update(add),
      () => one.session.patch({ by: "one" }),
      () => one.session.set({ n: 5 }),
    ]) {
      const written = write();
      journal.note("called");
      await written;
      journal.note("done");
    }
    expect(journal.entries).toEqual([
      ...["called", "change 1 1", "done"],
      ...["called", "change 1 1", "done"],
      ...["called", "change 1 5", "done"],
    ]);

    journal.entries.length = 0;
    await Promise.all([one.session.update(add), two.session.update(add)]);
    expect(journal.entries.toSorted()).toEqual(["change 0 7", "change 1 7"]);

    journal.entries.length = 0;
    const administrative = (await sessions.get(one.session.id)) ?? expect.unreachable();
    const writing = administrative.update(add);
    journal.note("called");
    await writing;
    expect(journal.entries[0]).toBe("called");
    expect(journal.entries.slice(1).toSorted()).toEqual(["change 0 8", "change 1 8"]);
  });

  test("a write inside update's function is applied after the update, without a lost write or a deadlock", async () => {
    const opened = new Journal<Conn>();
    const sessions = createSessions<Data>({
      store: openStore(store, redis.port),
      token: queryToken(),
      initial: () => ({ n: 0 }),
    });
    const server = await serve(runtime, sessions, {
      open: (connection) => opened.note(connection),
      // Also writes to its own session, without an await.
      change: ({ session }, { n, by }) => (n === 1 && by === "inner" ? session.update(add) : undefined),
    });
    await connect(server);
    await opened.until(1);
    await connect(server, `/?token=${opened.entries[0]?.token}`);
    await opened.until(2);
    const [{ session } = expect.unreachable()] = opened.entries;
    let inner: Promise<unknown> | undefined;
    await session.update((data) => {
      inner ??= Promise.all([session.patch({ by: "inner" }), session.update((now) => ({ ...now }))]);
      return { ...data, n: 1 };
    });
    await inner;
    await expect.poll(async () => (await session.refresh()).n).toBe(2);
  });
});

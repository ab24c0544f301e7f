/** Handlers that hang, throw, stage nothing, or act on their session and connection: the same outcome on each runtime and each store. */
import { FramedPeer, until } from "@wsession/conformance";
import { TransactionRefused } from "@wsession/core";
import type { Handlers, SessionsOptions, Transaction } from "@wsession/core";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { describe, expect, test } from "vitest";
import { useRedisServer } from "../../packages/store-redis/test/shared-servers.ts";
import { connect } from "../runtimes.ts";
import { redisClient } from "../stores.ts";
import { lastingCombinations } from "../visits.ts";
import { codeOf, start } from "./setting.ts";
import type { Data } from "./setting.ts";

const redis = useRedisServer();

/** A handler of one message, what the client gets for it, and what is reported. */
interface Behaviour {
  readonly name: string;
  act(tx: Transaction<Data>): unknown;
  readonly outcome: string;
  readonly reported?: readonly string[];
  /** The data after this message and a usual one. */
  readonly data?: Data;
  readonly options?: Pick<SessionsOptions<Data>, "handlerTimeoutMs" | "schema" | "outbox">;
}

const stageAll = (tx: Transaction<Data>): void => {
  tx.patch({ n: 100 });
  tx.send("never kept");
};

const schema: SessionsOptions<Data>["schema"] = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof Reflect.get(Object(value), "n") === "number"
        ? { value: value as Data }
        : { issues: [{ message: "no number" }] },
  },
};

const behaviours: readonly Behaviour[] = [
  {
    name: "runs for ever",
    act: (tx) => (stageAll(tx), new Promise(() => undefined)),
    outcome: "HANDLER_FAILED not-applied",
    reported: ["TRANSACTION_OVER"],
    options: { handlerTimeoutMs: 300 },
  },
  {
    name: "throws after it has staged changes",
    act(tx) {
      stageAll(tx);
      throw new Error("sometimes");
    },
    outcome: "HANDLER_FAILED not-applied",
    reported: ["Error: sometimes"],
  },
  {
    name: "refuses",
    act(tx) {
      stageAll(tx);
      throw new TransactionRefused("too-much");
    },
    outcome: "too-much not-applied",
  },
  { name: "stages nothing", act: () => undefined, outcome: "applied" },
  {
    name: "writes through its connection's session, and does not catch",
    act: (tx) => (stageAll(tx), tx.connection.session.patch({ n: 50 })),
    outcome: "HANDLER_FAILED not-applied",
    reported: ["IN_TRANSACTION"],
  },
  {
    name: "closes its connection",
    act(tx) {
      tx.update(({ n }) => ({ n: n + 10 }));
      tx.connection.close(4000, "bye");
    },
    outcome: "applied",
    data: { n: 11 },
  },
  {
    name: "stages data that the schema refuses",
    act: (tx) => (stageAll(tx), tx.set(JSON.parse('{"n":"many"}'))),
    outcome: "INVALID_DATA not-applied",
    options: { schema },
  },
  {
    name: "sends a message over outbox.maxBytes",
    act: (tx) => (stageAll(tx), tx.send("x".repeat(2_000))),
    outcome: "TOO_LARGE not-applied",
    options: { outbox: { maxBytes: 1_000 } },
  },
  {
    name: "sends more messages than a full outbox can have",
    act: (tx) => (stageAll(tx), tx.send("second"), tx.send("third")),
    outcome: "OUTBOX_FULL not-applied",
    options: { outbox: { maxMessages: 2, whenFull: "refuse" } },
  },
];

describe.each(lastingCombinations)("transactions, with a server on $runtime and a $store store,", (place) => {
  const setting = {
    ...place,
    get redis() {
      return redis.port;
    },
  };

  test.each(behaviours)(
    "I21 I22 a handler that $name: $outcome, and the next message is handled",
    async ({ act, outcome, reported: expected = [], data = { n: 1 }, options }) => {
      let effects = 0;
      const { client, received, reported, stored } = await start(
        { ...setting, ...options },
        (tx, message) => {
          tx.after(() => void (effects += 1));
          if (`${message}` === "odd") return act(tx);
          tx.update(({ n }) => ({ n: n + 1 }));
          tx.send("kept");
          return undefined;
        },
      );
      const results = ["odd", "usual"].map((message) => client.send(message).then(() => "applied", codeOf));
      expect(await Promise.all(results)).toEqual([outcome, "applied"]);
      expect(await stored()).toEqual(data);
      const applied = outcome === "applied" ? 2 : 1;
      await until(() => received.length > 0 && effects >= applied);
      expect([received, effects, reported]).toEqual([["kept"], applied, expected]);
    },
  );

  test("I21 a handler that destroys its session: nothing is committed, and the message is not reported as applied", async () => {
    const { client, id, sessions } = await start(setting, async (tx) => {
      stageAll(tx);
      await tx.connection.session.destroy("enough");
    });
    const sending = client.send("go").then(() => "applied", codeOf);
    await until(() => [...sessions.connections].length === 0);
    await client.close();
    expect(await sending).not.toMatch(/^applied|not-applied$/);
    expect(await sessions.get(id)).toBeUndefined();
  });

  test("I21 a handler that awaits a write to its session elsewhere fails after handlerTimeoutMs, and the next message is handled", async () => {
    let runs = 0;
    const handler: NonNullable<Handlers<Data>["transaction"]> = async (tx, message) => {
      const { n } = tx.data;
      if (`${message}` === "odd") {
        runs += 1;
        await (await elsewhere())?.patch({ extra: runs });
      }
      tx.patch({ n: n + 1 });
    };
    const { client, id, sessions, reported, stored } = await start(
      { ...setting, handlerTimeoutMs: 500 },
      handler,
    );
    const elsewhere = () => sessions.get(id);
    const results = ["odd", "usual"].map((message) => client.send(message).then(() => "applied", codeOf));
    expect(await Promise.all(results)).toEqual(["HANDLER_FAILED not-applied", "applied"]);
    // Three runs lost against their own write. The fourth holds the session's writes, so that its own write waits until it has failed.
    expect(runs).toBe(4);
    expect(reported).toEqual(["TRANSACTION_OVER"]);
    // The write is in front of this read.
    const session = (await sessions.get(id)) ?? expect.fail("no session");
    await session.update((data) => data);
    expect(await stored()).toEqual({ n: 1, extra: 4 });
  });

  test("I22 a full outbox with whenFull refuse refuses the transaction, and its change is not applied", async () => {
    const outbox = { maxMessages: 2, whenFull: "refuse" } as const;
    const { server, sessions } = await start({ ...setting, outbox }, (tx) => {
      tx.update(({ n }) => ({ n: n + 1 }));
      tx.send("answer");
    });
    // This client acknowledges no kept message.
    const peer = FramedPeer.over(await connect(server, "/", { protocols: [DECOY_SUBPROTOCOL, SUBPROTOCOL] }));
    peer.attach();
    const { session } = await peer.until("hello");
    for (let n = 1; n <= 3; n += 1) peer.sendCounted("go");
    expect(await peer.until("refused")).toMatchObject({ number: 3, code: "OUTBOX_FULL" });
    expect(await (await sessions.get(session ?? ""))?.refresh()).toEqual({ n: 2 });
  });
});

test("a transaction costs Redis one script, as the update does that it replaces", async () => {
  const admin = redisClient(redis.port);
  const scripts = async (): Promise<number> => {
    const stats = await admin.info("commandstats");
    return [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce(
      (sum, [, calls]) => sum + Number(calls),
      0,
    );
  };
  const { client, id, sessions } = await start({ runtime: "ws", store: "redis", redis: redis.port }, (tx) => {
    tx.update(({ n }) => ({ n: n + 1 }));
    tx.send(`${tx.data.n}`);
  });
  const session = (await sessions.get(id)) ?? expect.fail("no session");
  const costOf = async (change: () => Promise<unknown>): Promise<number> => {
    await change();
    const before = await scripts();
    for (let times = 0; times < 20; times += 1) await change();
    return (await scripts()) - before;
  };
  const updates = await costOf(() => session.update(({ n }) => ({ n: n + 1 })));
  expect(await costOf(() => client.send("go"))).toBe(updates);
  expect(updates).toBe(20);
});

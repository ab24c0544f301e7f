/** Transactions with the real client, over a network that is cut again and again, on both runtimes and both stores. */
import { isClientError, isTransactionRefused, tokenInMemory } from "@wsession/client";
import { until } from "@wsession/conformance";
import { createSessions, protocolToken } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { unchecked } from "@wsession/protocol";
import { defineMessages } from "@wsession/protocol/messages";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../../packages/store-redis/test/redis-server.ts";
import { open } from "../client/clients.ts";
import { Line } from "../client/line.ts";
import { runtimeNames, serve } from "../runtimes.ts";
import { openStore } from "../stores.ts";

interface Data {
  readonly sum: number;
  readonly noted?: number | undefined;
}

const messages = defineMessages({
  toServer: { add: unchecked<number>(), note: unchecked<number>() },
  toClient: { sum: unchecked<number>() },
  refusals: { negative: unchecked<{ given: number }>() },
});

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis?.stop());

const stores = ["map", "redis"] as const;
const places = runtimeNames.flatMap((runtime) => stores.map((store) => ({ runtime, store })));

describe.each(places)("transactions, with a server on $runtime and a $store store,", ({ runtime, store }) => {
  async function start() {
    const sessions = createSessions<Data>({
      store: openStore(store, redis.port),
      token: protocolToken(),
      initial: () => ({ sum: 0 }),
      // A client that is cut again and again is not the subject here.
      onError: () => undefined,
    });
    const opened: Connection<Data, unknown, never>[] = [];
    const server = await serve(runtime, sessions, {
      open: (connection) => void opened.push(connection),
      ...messages.handlers(sessions, {
        add: {
          async transaction(tx, given) {
            if (given < 0) throw messages.refuse.negative({ given });
            // So that a cut falls between the message and its commit, too.
            await new Promise((resolve) => setImmediate(resolve));
            tx.update((data) => ({ ...data, sum: data.sum + given }));
            messages.to(tx).sum(tx.data.sum);
          },
        },
        note: (connection, given) => connection.session.patch({ noted: given }),
      }),
    });
    const line = await Line.to(server.port);
    const { client, until: reported } = open(line, { token: tokenInMemory() });
    const received: number[] = [];
    messages.client(client).on.sum((sum) => received.push(sum));
    await reported("status", ({ status }) => status === "live");
    const session = opened[0]?.session ?? expect.fail("no connection");
    return { sessions, line, client, received, send: messages.client(client).send, session };
  }

  test("I21 I22 count each message once although connections are cut, and each answer comes once", async () => {
    const { line, received, send, session } = await start();
    let settled = 0;
    const sending = Promise.all(
      Array.from({ length: 200 }, async () => {
        await send.add(1);
        settled += 1;
      }),
    );
    for (let cuts = 1; cuts <= 12; cuts += 1) {
      await until(() => settled >= cuts * 15);
      line.cut();
    }
    await sending;
    expect(await session.refresh()).toEqual({ sum: 200 });
    await until(() => received.length === 200);
    expect(received).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  });

  test("I21 a refusal reaches the sender with its detail, and the messages around it count", async () => {
    const { send, session } = await start();
    const [first, refused, last] = await Promise.allSettled([send.add(2), send.add(-5), send.add(3)]);
    expect([first?.status, last?.status]).toEqual(["fulfilled", "fulfilled"]);
    const reason: unknown = refused?.status === "rejected" ? refused.reason : undefined;
    expect(messages.isRefused(reason, "negative") && reason.detail).toEqual({ given: -5 });
    expect(isTransactionRefused(reason) && reason.outcome).toBe("not-applied");
    expect(await session.refresh()).toEqual({ sum: 5 });
  });

  test("a message without a transaction may write through its connection's session", async () => {
    const { send, session } = await start();
    await Promise.all([send.add(1), send.note(7), send.add(1)]);
    expect(await session.refresh()).toEqual({ sum: 2, noted: 7 });
  });

  test("I21 no message after the destruction of its session is reported as applied", async () => {
    const { client, send, sessions, session } = await start();
    await send.add(1);
    const results = Promise.allSettled(Array.from({ length: 20 }, () => send.add(1)));
    await sessions.destroy(session.id);
    await client.close();
    const reasons = (await results).flatMap((one) =>
      one.status === "rejected" ? [one.reason as unknown] : [],
    );
    for (const reason of reasons)
      expect(isClientError(reason) && ["CLOSED", "SESSION_LOST"].includes(reason.code)).toBe(true);
  });
});

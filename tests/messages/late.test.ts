/** Typed messages that wait for their asynchronous schema when the server ends their connection (fault A). */
import { tokenInMemory } from "@wsession/client";
import { createSessions, mapStore, protocolToken } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { defineMessages } from "@wsession/protocol/messages";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { open } from "../client/clients.ts";
import { newGap } from "../gaps.ts";
import { connect, runtimeNames, serve } from "../runtimes.ts";

/** Not sent by the typed client, which would ask the schema itself. */
const RAW = '["slow",1]';

type Opened = Connection<{ readonly sum: number }, unknown, never>;

describe.each(runtimeNames)("a message that waits for its schema, on %s,", (runtime) => {
  /** A server whose schema waits for the first message. `handled` has the messages that have reached a handler. */
  async function start(inTransaction: boolean) {
    const gap = newGap();
    const slow = z.number().refine(async () => {
      await gap.wait();
      return true;
    });
    const messages = defineMessages({ toServer: { slow }, toClient: {} });
    const sessions = createSessions<{ readonly sum: number }>({
      store: mapStore(),
      token: protocolToken(),
      initial: () => ({ sum: 0 }),
    });
    const handled: number[] = [];
    const opened: Opened[] = [];
    const count = (_: unknown, value: number) => void handled.push(value);
    const transaction = (
      tx: { update(change: (data: { sum: number }) => { sum: number }): void },
      value: number,
    ) => {
      handled.push(value);
      tx.update(({ sum }) => ({ sum: sum + value }));
    };
    const server = await serve(runtime, sessions, {
      open: (connection) => void opened.push(connection),
      ...messages.handlers(sessions, { slow: inTransaction ? { transaction } : count }),
    });
    const first = () => opened[0] ?? expect.fail("no connection");
    return { gap, sessions, handled, opened, server, first };
  }

  test("reaches no handler once its session is destroyed, and is counted as discarded (I4)", async () => {
    const { gap, sessions, handled, server, first } = await start(false);
    const client = await connect(server);
    client.send(RAW);
    await gap.reached;
    await first().session.destroy("logged out");
    gap.letGo();
    expect(await client.closed).toMatchObject({ code: 4410 });
    await expect.poll(() => sessions.diagnostics.messagesDiscarded).toBe(1);
    expect(handled).toEqual([]);
  });

  test.each([true, false])(
    "reaches no handler once its session is destroyed, if the message is numbered (in a transaction: %s)",
    async (inTransaction) => {
      const { gap, handled, server, first } = await start(inTransaction);
      const { client, until: reported } = open(server, { token: tokenInMemory() });
      await reported("status", ({ status }) => status === "live");
      const sent = client.send(RAW);
      await gap.reached;
      const { closed, session } = first();
      await session.destroy("logged out");
      gap.letGo();
      await closed;
      await expect(sent).rejects.toMatchObject({ code: "CLOSED" });
      expect(handled).toEqual([]);
    },
  );

  test.each([true, false])(
    "is handled once, on the client's next connection, if the server ended the first one (I21; in a transaction: %s)",
    async (inTransaction) => {
      const { gap, handled, opened, server, first } = await start(inTransaction);
      const { client, until: reported } = open(server, { token: tokenInMemory() });
      await reported("status", ({ status }) => status === "live");
      const sent = client.send(RAW);
      await gap.reached;
      first().terminate();
      gap.letGo();
      await sent;
      expect(handled).toEqual([1]);
      expect([opened.length, opened[1]?.session.data]).toEqual([2, { sum: inTransaction ? 1 : 0 }]);
    },
  );
});

/** Typed messages over real sockets, as raw text: the server's part with the plain `message` handler of either runtime. */
import { createSessions, isSessionError, mapStore } from "@wsession/core";
import type { ErrorContext, Session } from "@wsession/core";
import { isTransactionRefused } from "@wsession/protocol";
import { defineMessages } from "@wsession/protocol/messages";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { connect, runtimeNames, serve } from "../runtimes.ts";

const messages = defineMessages({
  toServer: {
    bid: z.object({ amount: z.string().regex(/^\d+$/).transform(Number) }),
    leave: v.object({
      reason: v.pipe(
        v.string(),
        v.transform((text) => text.length),
      ),
    }),
    typing: type({ on: "boolean" }),
    slow: z.string().refine(async (text) => {
      await new Promise((resolve) => setTimeout(resolve, Number(text)));
      return true;
    }),
  },
  toClient: { sold: z.object({ price: z.number() }), reported: z.unknown() },
});

const keptLater = defineMessages({
  toClient: { slow: z.string().refine(async (text) => text !== ""), fast: z.string() },
});

describe.each(runtimeNames)("typed messages on %s", (runtime) => {
  async function listen(onMessage: () => void = () => undefined) {
    const reports: { readonly error: unknown; readonly stage: ErrorContext["stage"] }[] = [];
    const sessions = createSessions({
      store: mapStore(),
      initial: () => ({ highest: 0 }),
      onError: (error, { stage }) => void reports.push({ error, stage }),
    });
    const handlers = messages.handlers(sessions, {
      async bid(conn, { amount }) {
        onMessage();
        const { highest } = await conn.session.update(({ highest: before }) => ({
          highest: Math.max(before, amount),
        }));
        messages.to(conn).sold({ price: highest });
      },
      leave: (conn, { reason }) => messages.to(conn).reported(reason),
      typing: (conn, payload) => messages.to(conn).reported(payload),
      slow: (conn, text) => messages.to(conn).reported(text),
    });
    const server = await serve(runtime, sessions, handlers);
    return { sessions, reports, server };
  }

  /** A server that sends messages to sessions, which `message` may use. */
  async function listenOut(message: (conn: { readonly session: Session<object> }) => void) {
    const reports: string[] = [];
    const sessions = createSessions({
      store: mapStore(),
      initial: () => ({}),
      onError(error, { stage }) {
        const code = isSessionError(error) ? `${error.code} ` : "";
        reports.push(`${stage}: ${code}${String(error)}`);
      },
    });
    return { sessions, reports, server: await serve(runtime, sessions, { message }) };
  }

  test("reach their handlers with the schema's output, and answers reach the client", async () => {
    const { server } = await listen();
    const client = await connect(server);
    client.send('["bid",{"amount":"40"}]');
    expect(await client.next()).toBe('["sold",{"price":40}]');
    client.send('["leave",{"reason":"tired"}]');
    expect(await client.next()).toBe('["reported",5]');
    client.send('["typing",{"on":true}]');
    expect(await client.next()).toBe('["reported",{"on":true}]');
  });

  test("are handled in the order in which they were sent (I2), even if a schema is slow", async () => {
    const { server } = await listen();
    const client = await connect(server);
    for (const text of ['["slow","20"]', '["typing",{"on":true}]', '["slow","1"]', '["leave",{"reason":""}]'])
      client.send(text);
    const received = [await client.next(), await client.next(), await client.next(), await client.next()];
    expect(received).toEqual([
      '["reported","20"]',
      '["reported",{"on":true}]',
      '["reported","1"]',
      '["reported",0]',
    ]);
  });

  test("that are invalid reach no handler; each is counted, the first is reported, and the connection stays open", async () => {
    const { sessions, reports, server } = await listen(() => expect.fail("a handler was called"));
    const client = await connect(server);
    const invalid = [
      '["bid",{"amount":40}]',
      '["sodl",1]',
      '["__proto__",1]',
      '["then"]',
      "bid",
      "{}",
      "[1]",
    ];
    for (const text of [...invalid, ...invalid]) client.send(text);
    client.send(new Uint8Array([1, 2]));
    client.send('["typing",{"on":false}]');
    expect(await client.next()).toBe('["reported",{"on":false}]');
    expect(sessions.diagnostics).toMatchObject({ messagesRefused: 15, clientErrors: 1 });
    expect(reports).toHaveLength(1);
    const [{ error, stage } = expect.fail("no report")] = reports;
    expect(stage).toBe("client");
    expect(isTransactionRefused(error, "INVALID_MESSAGE")).toBe(true);
    expect(error).toMatchObject({ message: "bid does not satisfy its schema at amount" });
    const [connection = expect.fail("no connection")] = sessions.connections;
    expect(connection.session.data).toEqual({ highest: 0 });
  });

  test("that an asynchronous schema refuses are counted as well, and the next one is handled", async () => {
    const { sessions, server } = await listen();
    const client = await connect(server);
    client.send('["slow",5]');
    client.send('["slow","1"]');
    expect(await client.next()).toBe('["reported","1"]');
    expect(sessions.diagnostics.messagesRefused).toBe(1);
  });

  test("of the server that its own schema refuses count as a failure of the handler, and the connection ends (I12)", async () => {
    const sessions = createSessions({
      initial: () => ({}),
      onError: (error, { stage }) => void reports.push([stage, isSessionError(error), String(error)]),
    });
    const reports: unknown[] = [];
    const server = await serve(runtime, sessions, {
      message: (conn) => messages.to(conn).sold({ price: Number.NaN }),
    });
    const client = await connect(server);
    client.send("x");
    expect(await client.closed).toMatchObject({ code: 1011 });
    expect(reports).toEqual([["message", false, "MessageError: sold does not satisfy its schema at price"]]);
  });

  test("whose asynchronous schema refuses an unawaited send end the connection, as with a synchronous one (I12, fault F)", async () => {
    const { reports, server } = await listenOut(({ session }) => void keptLater.to(session).slow(""));
    const client = await connect(server);
    client.send("x");
    expect(await client.closed).toMatchObject({ code: 1011 });
    expect(reports).toEqual(["unhandled: MessageError: slow does not satisfy its schema at the top"]);
  });

  test("whose send waits for an asynchronous schema, and then fails unawaited, are reported by the sessions (fault F)", async () => {
    const { sessions, reports, server } = await listenOut(() => undefined);
    await connect(server);
    const [id = ""] = [...sessions.connections].map(({ session }) => session.id);
    void keptLater.toSession(sessions, id).slow("");
    void keptLater.toSubject(sessions, "ada").slow("");
    // Has a synchronous schema, and waits for the message before it.
    void keptLater.toSession(sessions, id).fast("x".repeat(2 ** 20));
    await expect.poll(() => reports).toHaveLength(3);
    const refused = "unhandled: MessageError: slow does not satisfy its schema at the top";
    expect(reports.slice(0, 2)).toEqual([refused, refused]);
    expect(reports[2]).toContain("TOO_LARGE");
    await expect(keptLater.toSession(sessions, id).slow("")).rejects.toThrow("slow does not satisfy");
    expect(await keptLater.toSession(sessions, id).slow("x")).toMatchObject({ offset: 1 });
    expect(reports).toHaveLength(3);
  });
});

// What ws's socket of a connection does together with `maxConcurrentMessages` and `exclusive`.
import { asWebSocket } from "@wsession/adapter-ws";
import { deferred, Journal } from "@wsession/conformance";
import { createSessions, isSessionError, mapStore, queryToken } from "@wsession/core";
import type { Sessions } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { connect, runtimeNames, serve } from "../runtimes.ts";

type Data = { readonly n: number };

const AT_ONCE = 3;

function open(): Sessions<Data, unknown, never> {
  return createSessions<Data>({
    store: mapStore(),
    token: queryToken(),
    maxConcurrentMessages: AT_ONCE,
    exclusive: true,
    initial: () => ({ n: 0 }),
  });
}

/** Waits for this many microtasks. */
async function ticks(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick += 1) await undefined;
}

describe.each(runtimeNames)("asWebSocket on %s with maxConcurrentMessages and exclusive", (runtime) => {
  test("I2 messages reach the listeners in order, whenever a pause in the listener of an earlier message ends", async () => {
    const sessions = open();
    let pause = 0;
    let journal = new Journal();
    const server = await serve(runtime, sessions, {
      open(connection) {
        const socket = asWebSocket(connection);
        socket.pause();
        const ticksToWait = pause;
        const log = journal;
        socket.on("message", (data) => {
          log.note(String(data));
          socket.pause();
          void ticks(ticksToWait).then(() => socket.resume());
        });
      },
      message: () => undefined,
    });
    for (; pause < 12; pause += 1) {
      journal = new Journal();
      const client = await connect(server);
      const sent = Array.from({ length: 3 * AT_ONCE }, (_, index) => `m${index}`);
      for (const text of sent) client.send(text);
      await client.roundTrip();
      const connection = [...sessions.connections].at(-1) ?? expect.unreachable();
      asWebSocket(connection).resume();
      await journal.until(sent.length);
      expect(journal.entries, `a pause of ${pause} microtasks`).toEqual(sent);
      client.socket.close();
    }
  });

  test("I4 a connection that another one replaces while its messages wait gets 4409, and no message after it", async () => {
    const sessions = open();
    const journal = new Journal();
    const held = deferred();
    const written = deferred<unknown>();
    const server = await serve(runtime, sessions, {
      open(connection) {
        const name = connection.resumed ? "second" : "first";
        const socket = asWebSocket(connection);
        socket.on("close", (code) => journal.note(`${name} close ${code}`));
        socket.on("message", (data) => {
          journal.note(`${name} ${String(data)}`);
          if (name === "first" && String(data) === "m1") socket.pause();
        });
      },
      async message(connection, data) {
        if (connection.resumed || String(data) !== "m0") return;
        await held.promise;
        await connection.session.patch({ n: 1 }).catch((error: unknown) => {
          written.resolve(isSessionError(error) ? error.code : error);
        });
      },
    });
    const first = await connect(server);
    const [connection] = sessions.connections;
    for (let index = 0; index < 6; index += 1) first.send(`m${index}`);
    await first.roundTrip();
    await journal.until(2);
    const second = await connect(server, `/?token=${connection?.token}`);
    expect((await first.closed).code).toBe(4409);
    held.resolve();
    expect(await written.promise).toBe("FENCED");
    asWebSocket(connection ?? expect.unreachable()).resume();
    second.send("hello");
    await journal.until((entry) => entry === "second hello");
    await journal.until((entry) => entry === "first close 4409");
    expect(journal.entries.filter((entry) => entry.startsWith("first"))).toEqual([
      "first m0",
      "first m1",
      "first close 4409",
    ]);
  });
});

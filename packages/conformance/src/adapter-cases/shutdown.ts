import { createSessions } from "@wsession/core";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { valuesOf } from "../raw-client.ts";
import { deferred, delay, Journal, until } from "../waiting.ts";

/**
 * The guarantees of `sessions.close()`: handlers in progress, heartbeats, messages that have arrived, and
 * handlers that await it.
 */
export const shutdownCases: readonly AdapterCase[] = [
  {
    name: "sessions.close({ drainMs }) ends connection i of n after drainMs * i / n (fault C3)",
    async run(trial) {
      const drainMs = 400;
      const count = 5;
      const closed = new Journal<number>();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, { close: () => closed.note(performance.now()) });
      for (let index = 0; index < count; index += 1) await trial.connect(server);
      await until(() => sessions.connections.size === count);
      const started = performance.now();
      await sessions.close({ drainMs });
      const took = closed.entries.map((at) => at - started);
      expect(took).toHaveLength(count);
      for (const [index, ms] of took.entries())
        expect(ms).toBeGreaterThanOrEqual((drainMs * index) / count - 5);
    },
  },
  {
    name: "heartbeats go on until the last connection has gone (fault C2)",
    async run(trial) {
      // On a busy machine clients in the same process did not answer within 400 ms.
      const sessions = createSessions({
        initial: () => ({ n: 0 }),
        heartbeatMs: 400,
        heartbeatTimeoutMs: 10_000,
      });
      const server = await trial.serve(sessions, {});
      const clients = await Promise.all([trial.connect(server), trial.connect(server)]);
      await until(() => sessions.connections.size === 2);
      // The second client goes after half of it, unless its own close below comes first.
      const closing = sessions.close({ drainMs: 60_000 });
      const first = await Promise.race(clients.map(async (client) => [client, await client.closed] as const));
      expect(first[1].code).toBe(1012);
      const last = clients.find((client) => client !== first[0]) ?? expect.fail("no second client");
      let pings = 0;
      last.socket.on("ping", () => (pings += 1));
      await until(() => pings > 2);
      last.socket.close();
      await closing;
    },
  },
  ...(["sessions", "binding"] as const).map((what): AdapterCase => ({
    name: `${what}.close() first handles and answers the messages that have arrived, then closes (fault C4)`,
    async run(trial) {
      const handled = new Journal();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        async message(connection, text) {
          await delay(2);
          connection.send(`answer ${text}`);
          handled.note(`${text}`);
        },
        close: (_, { code }) => handled.note(`close ${code}`),
      });
      const client = await trial.connect(server);
      for (let sent = 0; sent < 100; sent += 1) client.send(`${sent}`);
      await client.roundTrip();
      expect(handled.entries.length).toBeLessThan(100);
      await (what === "sessions" ? sessions : server.binding).close();
      const all = Array.from({ length: 100 }, (_, index) => `${index}`);
      expect(handled.entries).toEqual([...all, "close 1012"]);
      expect((await client.closed).code).toBe(1012);
      expect(client.received).toEqual(all.map((text) => `answer ${text}`));
      expect(sessions.diagnostics.messagesDiscarded).toBe(0);
    },
  })),
  {
    name: "sessions.close({ drainMs }) discards and counts the messages that were not handled within drainMs (fault C4, I4)",
    async run(trial) {
      let handled = 0;
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        async message() {
          await delay(20);
          handled += 1;
        },
      });
      const client = await trial.connect(server);
      for (let sent = 0; sent < 200; sent += 1) client.send(`${sent}`);
      await client.roundTrip();
      await sessions.close({ drainMs: 300 });
      expect(handled).toBeGreaterThan(0);
      expect(handled).toBeLessThan(100);
      expect(sessions.diagnostics.messagesDiscarded).toBe(200 - handled);
      expect((await client.closed).code).toBe(1012);
    },
  },
  {
    name: "messages that arrive after a connection's turn to end are discarded and counted (fault C4)",
    async run(trial) {
      const handled = new Journal();
      const release = deferred();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        async message(_, text) {
          handled.note(`${text}`);
          await release.promise;
        },
      });
      const client = await trial.connect(server);
      client.send("before");
      await handled.until(1);
      const closing = sessions.close();
      client.send("after");
      await client.roundTrip();
      release.resolve();
      await closing;
      expect(handled.entries).toEqual(["before"]);
      expect(sessions.diagnostics.messagesDiscarded).toBe(1);
    },
  },
  ...(["open", "message", "close"] as const).flatMap((handler) =>
    (["sessions", "binding"] as const).map((what): AdapterCase => ({
      name: `await ${what}.close() in a ${handler} handler does not wait for itself (fault E5)`,
      async run(trial) {
        const took = deferred<number>();
        const closed = new Journal<number>();
        const sessions = createSessions({ initial: () => ({ n: 0 }) });
        let closing: { close(): Promise<void> } = sessions;
        const close = async () => {
          const started = performance.now();
          await closing.close();
          // A second call on closed sessions.
          await closing.close();
          took.resolve(performance.now() - started);
        };
        const server = await trial.serve(sessions, {
          open: () => (handler === "open" ? close() : undefined),
          message: () => (handler === "message" ? close() : undefined),
          close(_, { code }) {
            closed.note(code);
            return handler === "close" ? close() : undefined;
          },
        });
        if (what === "binding") closing = server.binding;
        const client = await trial.connect(server);
        if (handler === "message") client.send("close");
        if (handler === "close") client.socket.close();
        // Far below the time limit for a handler that hangs.
        expect(await took.promise).toBeLessThan(3_000);
        expect(closed.entries).toEqual([handler === "close" ? 1005 : 1012]);
      },
    })),
  ),
  {
    name: "a server that still listens after close() has settled refuses with 503 and Retry-After, also a client of v1.wsession",
    async run(trial) {
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {});
      await server.binding.close();
      const framed = [["Sec-WebSocket-Protocol", `${DECOY_SUBPROTOCOL}, ${SUBPROTOCOL}`]] as const;
      for (const headers of [[], framed]) {
        const refusal = await trial.refused(server, { headers });
        expect([refusal.status, refusal.body]).toEqual([503, "server restarting"]);
        expect(valuesOf(refusal.headers, "retry-after")).toEqual(["1"]);
        expect(valuesOf(refusal.headers, "content-type")).toEqual(["text/plain; charset=utf-8"]);
      }
    },
  },
  {
    name: "a handler that calls close() during a shutdown does not wait for itself (fault E5)",
    async run(trial) {
      const handled = new Journal();
      const go = deferred();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        async message(_, text) {
          handled.note(`${text}`);
          if (text === "first") return go.promise;
          await sessions.close();
          handled.note("closed");
        },
      });
      const clients = [await trial.connect(server), await trial.connect(server)];
      clients[0]?.send("first");
      await handled.until(1);
      clients[1]?.send("second");
      const started = performance.now();
      await handled.until(2);
      go.resolve();
      await handled.until(3);
      expect(performance.now() - started).toBeLessThan(3_000);
      expect(handled.entries).toEqual(["first", "second", "closed"]);
    },
  },
  {
    name: "sessions.close() waits for a handler that calls it after an await, within a time limit (fault E5)",
    async run(trial) {
      const handled = new Journal();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        async message() {
          await delay(1);
          await sessions.close();
          handled.note("closed");
        },
        close: (_, { code }) => handled.note(`close ${code}`),
      });
      const client = await trial.connect(server);
      client.send("close");
      await handled.until(2);
      expect(handled.entries).toEqual(["close 1012", "closed"]);
    },
  },
];

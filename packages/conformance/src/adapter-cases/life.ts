import { createSessions, mapStore } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { frame, Opcode } from "../raw-client.ts";
import { deferred, delay, Journal, macrotask, until } from "../waiting.ts";

/** `open`, then `message`*, then `close`, exactly once (I4). */
export const lifeCases: readonly AdapterCase[] = [
  {
    name: "I4 open, then messages, then close, which gets the unchanged session and the peer's code and reason",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        open: (connection) => journal.note(`open ${connection.session.data.n}`),
        async message(connection) {
          const { n } = await connection.session.update((data) => ({ n: data.n + 1 }));
          journal.note(`message ${n}`);
        },
        close: (connection, { code, reason }) =>
          journal.note(`close ${connection.session.data.n} ${code} ${reason}`),
      });
      const client = await trial.connect(server);
      client.send("");
      client.send("");
      client.socket.close(4321, "that's all");
      await journal.until(4);
      await sessions.close();
      expect(journal.entries).toEqual(["open 0", "message 1", "message 2", "close 2 4321 that's all"]);
    },
  },
  {
    name: "I4 the close handler gets no session if none was ever set",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions<{ n: number }>();
      const server = await trial.serve(sessions, {
        close: (connection) => journal.note(`${connection.session}`),
      });
      const client = await trial.connect(server);
      client.socket.close();
      await journal.until(1);
      expect(journal.entries).toEqual(["undefined"]);
    },
  },
  {
    name: "a close frame without a code is 1005, and a socket that ends without a close frame is 1006",
    async run(trial) {
      const codes = new Journal<number>();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, { close: (_, { code }) => codes.note(code) });
      const polite = await trial.rawUpgraded(server);
      polite.write(frame(Buffer.alloc(0), { opcode: Opcode.Close }));
      await codes.until(1);
      const dead = await trial.rawUpgraded(server);
      dead.destroy();
      await codes.until(2);
      expect(codes.entries).toEqual([1005, 1006]);
    },
  },
  {
    name: "I4 a client leaves while open runs: open settles, then close is called, once",
    async run(trial) {
      const journal = new Journal();
      const gate = deferred();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        async open() {
          journal.note("opening");
          await gate.promise;
          journal.note("opened");
        },
        message: (_, text) => journal.note(`${text}`),
        close: () => journal.note("close"),
      });
      const client = await trial.connect(server);
      client.send("received before the end");
      client.socket.close();
      await until(() => sessions.connections.size === 0);
      await macrotask();
      expect(journal.entries).toEqual(["opening"]);
      gate.resolve();
      await journal.until((entry) => entry === "close");
      await sessions.close();
      expect(journal.entries).toEqual(["opening", "opened", "received before the end", "close"]);
    },
  },
  {
    name: "I4 a client leaves while a message is handled: the handler settles, then close is called",
    async run(trial) {
      const journal = new Journal();
      const gate = deferred();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        async message(connection) {
          await gate.promise;
          journal.note(`handled, ${connection.send("too late")}`);
        },
        close: () => journal.note("close"),
      });
      const client = await trial.connect(server);
      client.send("x");
      await client.roundTrip();
      client.socket.terminate();
      await until(() => sessions.connections.size === 0);
      gate.resolve();
      await journal.until(2);
      expect(journal.entries).toEqual(["handled, closed", "close"]);
    },
  },
  {
    name: "I4 I7 a client leaves during an update: the acknowledged change is in the store",
    async run(trial) {
      const store = mapStore();
      const journal = new Journal();
      const seen = deferred();
      const sessions = createSessions({ store, initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        async message(connection) {
          seen.resolve();
          await until(() => sessions.connections.size === 0);
          await connection.session.update((data) => ({ n: data.n + 1 }));
          journal.note("updated");
        },
        close: (connection) => journal.note(`close ${connection.session.data.n}`),
      });
      const client = await trial.connect(server);
      client.send("x");
      await seen.promise;
      client.socket.terminate();
      await journal.until(2);
      expect(journal.entries).toEqual(["updated", "close 1"]);
      expect([...store].map(([, data]) => data)).toEqual([{ n: 1 }]);
    },
  },
  {
    name: "I4 a connection is closed inside open: open settles before close is called, and the messages are discarded",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        async open(connection) {
          connection.close(4002, "no");
          await delay(10);
          journal.note("opened");
        },
        message: (_, text) => journal.note(`${text}`),
        close: (_, { code }) => journal.note(`close ${code}`),
      });
      const client = await trial.connect(server, "/", { atOpen: (socket) => socket.send("x") });
      expect((await client.closed).code).toBe(4002);
      await journal.until((entry) => entry.startsWith("close"));
      expect(journal.entries).toEqual(["opened", "close 4002"]);
    },
  },
  {
    name: "I4 terminate inside open, inside a message and inside close ends the connection, and close comes once",
    async run(trial) {
      for (const place of ["open", "message", "close"] as const) {
        const journal = new Journal();
        const at = (here: string, connection: Connection<{ n: number }, unknown, never>) => {
          journal.note(here);
          if (here === place) connection.terminate();
        };
        const sessions = createSessions({ initial: () => ({ n: 0 }) });
        const server = await trial.serve(sessions, {
          open: (connection) => at("open", connection),
          message: (connection) => at("message", connection),
          close: (connection) => at("close", connection),
        });
        const client = trial.raw(server);
        client.upgrade();
        await client.response;
        client.write(frame("x"), frame(Buffer.of(0x03, 0xe8), { opcode: Opcode.Close }));
        await client.closed;
        await journal.until((entry) => entry === "close");
        await sessions.close();
        expect(journal.entries).toEqual(place === "open" ? ["open", "close"] : ["open", "message", "close"]);
      }
    },
  },
  {
    name: "I4 a message handler that never settles holds close back for handlerTimeoutMs, and no longer",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({ initial: () => ({ n: 0 }), handlerTimeoutMs: 40 });
      const server = await trial.serve(sessions, {
        message: (_, text) => (journal.note(`${text}`), deferred().promise),
        close: () => journal.note("close"),
      });
      const client = await trial.connect(server);
      client.send("hangs");
      client.send("waits for it");
      await client.roundTrip();
      const left = performance.now();
      client.socket.terminate();
      await journal.until(2);
      expect(performance.now() - left).toBeGreaterThanOrEqual(35);
      expect(journal.entries).toEqual(["hangs", "close"]);
    },
  },
  {
    name: "I4 an open that never settles holds close back for handlerTimeoutMs, and no longer",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({ initial: () => ({ n: 0 }), handlerTimeoutMs: 40 });
      const server = await trial.serve(sessions, {
        open: () => deferred().promise,
        close: () => journal.note("close"),
      });
      const client = await trial.connect(server);
      client.socket.terminate();
      await journal.until(1);
      expect(journal.entries).toEqual(["close"]);
    },
  },
  {
    name: "a close handler that never settles does not keep sessions.close() waiting for longer than handlerTimeoutMs",
    async run(trial) {
      const sessions = createSessions({ initial: () => ({ n: 0 }), handlerTimeoutMs: 40 });
      const server = await trial.serve(sessions, { close: () => deferred().promise });
      await trial.connect(server);
      await until(() => sessions.connections.size === 1);
      await sessions.close();
      expect(sessions.connections.size).toBe(0);
    },
  },
  {
    name: "connections are counted from open to the end, and found by the runtime's own object",
    async run(trial) {
      const opened = new Journal<Connection<{ n: number }, unknown, never>>();
      const found = new Journal<unknown>();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        open(connection) {
          found.note(sessions.of(Object(connection.socket)));
          opened.note(connection);
        },
      });
      const first = await trial.connect(server);
      await trial.connect(server);
      await opened.until(2);
      expect(sessions.connections.size).toBe(2);
      expect(server.binding.size).toBe(2);
      expect([...sessions.connections]).toEqual(opened.entries);
      expect(found.entries).toEqual(opened.entries);
      for (const connection of opened.entries) {
        expect(connection.runtime).toBe(trial.harness.runtime);
        expect(typeof connection.socket === "object" && connection.socket !== null).toBe(true);
        expect(sessions.of(Object(connection.socket))).toBe(connection);
      }
      expect(new Set(opened.entries.map(({ id }) => id)).size).toBe(2);
      expect(sessions.of({})).toBeUndefined();
      first.socket.close();
      await until(() => sessions.connections.size === 1);
      expect(server.binding.size).toBe(1);
      expect(sessions.diagnostics).toMatchObject({ connectionsOpened: 2, connectionsClosed: 1 });
    },
  },
];

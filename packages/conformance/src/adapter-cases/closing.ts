import { createSessions, isSessionError, mapStore } from "@wsession/core";
import type { Admission, Connection } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { deferred, delay, Journal, until } from "../waiting.ts";

type Conn = Connection<{ n: number }, unknown, never>;

/** How connections and servers are closed. */
export const closingCases: readonly AdapterCase[] = [
  {
    name: "close is idempotent: the first call's code and reason count",
    async run(trial) {
      const closed = new Journal();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        open(connection) {
          connection.close(4001, "first");
          connection.close(4002, "second");
          connection.close();
        },
        close: (_, { code, reason }) => closed.note(`${code} ${reason}`),
      });
      const client = await trial.connect(server);
      expect(await client.closed).toEqual({ code: 4001, reason: "first" });
      await sessions.close();
      expect(closed.entries).toEqual(["4001 first"]);
    },
  },
  {
    name: "close without arguments sends 1000",
    async run(trial) {
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, { open: (connection) => connection.close() });
      const client = await trial.connect(server);
      expect(await client.closed).toEqual({ code: 1000, reason: "" });
    },
  },
  {
    name: "close throws INVALID_ARGUMENT for a code or a reason that can't be sent, and the connection stays open",
    async run(trial) {
      const opened = deferred<Conn>();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, { open: (connection) => opened.resolve(connection) });
      const client = await trial.connect(server);
      const connection = await opened.promise;
      const refused = (code: number, reason = ""): unknown => {
        try {
          connection.close(code, reason);
        } catch (error) {
          return isSessionError(error) ? error.code : error;
        }
        return "closed";
      };
      for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 1000.5, Number.NaN, -1]) {
        expect(refused(code)).toBe("INVALID_ARGUMENT");
      }
      expect(refused(4000, "x".repeat(124))).toBe("INVALID_ARGUMENT");
      expect(refused(4000, "ü".repeat(62))).toBe("INVALID_ARGUMENT");
      await client.roundTrip();
      connection.close(4000, "x".repeat(123));
      expect(await client.closed).toEqual({ code: 4000, reason: "x".repeat(123) });
    },
  },
  {
    name: "a reason with half of a surrogate pair arrives with U+FFFD in its place",
    async run(trial) {
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        open: (connection) => connection.close(4000, "bye\ud83d"),
      });
      const client = await trial.connect(server);
      expect(await client.closed).toEqual({ code: 4000, reason: "bye\ufffd" });
    },
  },
  {
    name: "terminate ends the connection without a close frame",
    async run(trial) {
      const closed = new Journal<number>();
      const opened = deferred<Conn>();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        open: (connection) => opened.resolve(connection),
        close: (_, { code }) => closed.note(code),
      });
      const client = await trial.connect(server);
      (await opened.promise).terminate();
      expect((await client.closed).code).toBe(1006);
      await closed.until(1);
      expect(closed.entries).toEqual([1006]);
    },
  },
  {
    name: "sessions.close() refuses newcomers with 503, closes with 1012, and waits for the close handlers",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        async close(_, { code }) {
          await delay(20);
          journal.note(`close ${code}`);
        },
      });
      const clients = await Promise.all([trial.connect(server), trial.connect(server)]);
      await until(() => sessions.connections.size === 2);
      const closing = sessions.close();
      expect((await trial.refused(server)).status).toBe(503);
      await closing;
      expect(journal.entries).toEqual(["close 1012", "close 1012"]);
      for (const client of clients) expect((await client.closed).code).toBe(1012);
      expect(sessions.connections.size).toBe(0);
      await sessions.close();
    },
  },
  {
    name: "sessions.close({ drainMs }) spreads the closing evenly over drainMs, with the given code and reason",
    async run(trial) {
      const closed = new Journal<number>();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, { close: () => closed.note(performance.now()) });
      const clients = await Promise.all(Array.from({ length: 8 }, () => trial.connect(server)));
      await until(() => sessions.connections.size === 8);
      const started = performance.now();
      await sessions.close({ code: 1001, reason: "going", drainMs: 200 });
      expect(closed.entries).toHaveLength(8);
      expect((closed.entries.at(-1) ?? 0) - started).toBeGreaterThanOrEqual(140);
      expect(closed.entries.at(-1)).toBeGreaterThan((closed.entries[0] ?? 0) + 20);
      for (const client of clients) expect(await client.closed).toEqual({ code: 1001, reason: "going" });
    },
  },
  {
    name: "sessions.close() ends a peer that does not answer the close frame, within a time limit",
    async run(trial) {
      const closed = new Journal<number>();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, { close: (_, { code }) => closed.note(code) });
      const client = await trial.rawUpgraded(server);
      client.socket.pause();
      await until(() => sessions.connections.size === 1);
      await sessions.close();
      expect(closed.entries).toEqual([1012]);
    },
  },
  {
    name: "sessions.close() and binding.close() throw INVALID_ARGUMENT for invalid options and close nothing, and a valid call closes",
    async run(trial) {
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {});
      const client = await trial.connect(server);
      for (const closing of [sessions, server.binding]) {
        for (const options of [
          { code: 1005 },
          { reason: "x".repeat(124) },
          { drainMs: -1 },
          { drain: 1 },
          { drainMs: Number.NaN },
          { drainMs: Infinity },
        ])
          expect(() => void closing.close(options)).toThrow(
            expect.objectContaining({ code: "INVALID_ARGUMENT" }),
          );
      }
      await client.roundTrip();
      await trial.connect(server);
      await sessions.close({ code: 1001 });
      expect((await client.closed).code).toBe(1001);
      expect(sessions.connections.size).toBe(0);
    },
  },
  ...(["sessions", "binding"] as const).map((what): AdapterCase => ({
    name: `${what}.close() answers a handshake that is still being decided with 503`,
    async run(trial) {
      const asked = deferred();
      const sessions = createSessions({
        admit() {
          asked.resolve();
          return deferred<Admission>().promise;
        },
        initial: () => ({ n: 0 }),
      });
      const server = await trial.serve(sessions, {});
      const client = trial.raw(server);
      client.upgrade();
      await asked.promise;
      await (what === "sessions" ? sessions : server.binding).close();
      expect((await client.refusal).status).toBe(503);
      expect(sessions.diagnostics.handshakesPending).toBe(0);
    },
  })),
  {
    name: "a handshake that is admitted while the server closes is refused or closed, never left open",
    async run(trial) {
      const asked = deferred();
      const gate = deferred();
      const journal = new Journal();
      const sessions = createSessions({
        async initial() {
          asked.resolve();
          await gate.promise;
          return { n: 0 };
        },
      });
      const server = await trial.serve(sessions, {
        open: () => journal.note("open"),
        close: () => journal.note("close"),
      });
      const client = trial.raw(server);
      client.upgrade();
      await asked.promise;
      const closing = sessions.close();
      gate.resolve();
      expect((await client.refusal).status).toBe(503);
      await closing;
      expect(journal.entries).toEqual([]);
    },
  },
  ...(["close", "terminate"] as const).map((how): AdapterCase => ({
    name: `a session that is set after ${how}() rejects, and nothing is stored`,
    async run(trial) {
      const outcomes = new Journal<unknown>();
      const store = mapStore();
      const sessions = createSessions<{ n: number }>({ store, gate: "open" });
      const server = await trial.serve(sessions, {
        async message(connection) {
          connection[how]();
          await connection.setSession({ n: 1 }).catch((error: unknown) => outcomes.note(error));
        },
      });
      const client = await trial.connect(server);
      client.send("log in");
      await client.closed;
      await outcomes.until(1);
      expect(outcomes.entries).toMatchObject([{ code: "CONNECTION_CLOSED" }]);
      expect([...store]).toEqual([]);
    },
  })),
];

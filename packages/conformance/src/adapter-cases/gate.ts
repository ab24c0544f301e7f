import { createSessions, mapStore } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { frame } from "../raw-client.ts";
import { deferred, delay, Journal, macrotask, until } from "../waiting.ts";

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${index}`);

/** Messages wait until the connection may handle them (I1), within limits (I14). */
export const gateCases: readonly AdapterCase[] = [
  {
    name: "I1 messages sent in the tick of the client's open wait for an async initial and an async open",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({
        store: mapStore(),
        async initial() {
          await delay(10);
          return { who: "newcomer" };
        },
      });
      const server = await trial.serve(sessions, {
        async open() {
          await delay(10);
          journal.note("opened");
        },
        message: (connection, text) => journal.note(`${text} ${connection.session.data.who}`),
      });
      await trial.connect(server, "/", {
        atOpen: (socket) => {
          for (const text of numbered(10)) socket.send(text);
        },
      });
      await journal.until(11);
      expect(journal.entries).toEqual(["opened", ...numbered(10).map((text) => `${text} newcomer`)]);
    },
  },
  {
    name: "I1 no message is handled before open has settled, though the session is set",
    async run(trial) {
      const journal = new Journal();
      const gate = deferred();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        open: () => gate.promise,
        message: (_, text) => journal.note(`${text}`),
      });
      const client = await trial.connect(server);
      client.send("early");
      await client.roundTrip();
      await macrotask();
      expect(journal.entries).toEqual([]);
      gate.resolve();
      await journal.until(1);
      expect(journal.entries).toEqual(["early"]);
    },
  },
  {
    name: 'I1 gate "session": no message is handled before the session is set, from wherever that is',
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions<{ who: string }>();
      const server = await trial.serve(sessions, {
        message: (connection, text) => journal.note(`${text} ${connection.session?.data.who}`),
      });
      const client = await trial.connect(server);
      client.send("one");
      client.send("two");
      await client.roundTrip();
      await macrotask();
      expect(journal.entries).toEqual([]);
      const [connection] = [...sessions.connections];
      await connection?.setSession({ who: "set by other code" });
      await journal.until(2);
      expect(journal.entries).toEqual(["one set by other code", "two set by other code"]);
    },
  },
  {
    name: 'I1 gate "session": the session may be set inside open, before or after an await',
    async run(trial) {
      for (const wait of [0, 5]) {
        const journal = new Journal();
        const sessions = createSessions<{ who: string }>({ store: mapStore() });
        const server = await trial.serve(sessions, {
          async open(connection) {
            if (wait > 0) await delay(wait);
            await connection.setSession({ who: "me" });
          },
          message: (connection, text) => journal.note(`${text} ${connection.session?.data.who}`),
        });
        await trial.connect(server, "/", { atOpen: (socket) => socket.send("hello") });
        await journal.until(1);
        expect(journal.entries).toEqual(["hello me"]);
      }
    },
  },
  {
    name: 'I1 gate "open": the first message can be the login; those after it wait for its handler',
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions<{ who: string }>({ gate: "open", store: mapStore() });
      const server = await trial.serve(sessions, {
        async message(connection, text) {
          if (connection.session === undefined) {
            await delay(5);
            await connection.setSession({ who: `${text}` });
            journal.note("logged in");
          } else journal.note(`${text} ${connection.session.data.who}`);
        },
      });
      await trial.connect(server, "/", {
        atOpen: (socket) => {
          socket.send("ada");
          socket.send("hello");
        },
      });
      await journal.until(2);
      expect(journal.entries).toEqual(["logged in", "hello ada"]);
    },
  },
  {
    name: "I2 frames in the TCP segment of the upgrade request are handled as messages, each once and in order",
    applies: ({ keepsEagerFrames }) => keepsEagerFrames,
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({
        store: mapStore(),
        async initial() {
          await delay(5);
          return { n: 0 };
        },
      });
      const server = await trial.serve(sessions, {
        open: () => delay(5),
        message: (connection, text) => journal.note(`${text} ${connection.session.data.n}`),
      });
      const client = trial.raw(server);
      client.upgrade({ frames: numbered(20).map((text) => frame(text)) });
      await journal.until(20);
      client.write(frame("last"));
      await journal.until(21);
      expect(journal.entries).toEqual([...numbered(20), "last"].map((text) => `${text} 0`));
    },
  },
  {
    name: "I1 I2 messages that wait at the gate and later messages reach the handler in arrival order",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions<{ n: number }>();
      const server = await trial.serve(sessions, {
        message: async (_, text) => {
          await macrotask();
          journal.note(`${text}`);
        },
      });
      const client = await trial.connect(server);
      for (const text of ["a", "b", "c"]) client.send(text);
      await client.roundTrip();
      void [...sessions.connections][0]?.setSession({ n: 1 });
      for (const text of ["d", "e", "f"]) client.send(text);
      await journal.until(6);
      expect(journal.entries.join("")).toBe("abcdef");
    },
  },
  {
    name: "I14 more early messages than early.maxMessages close the connection with 4413, and none is handled",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions<{ n: number }>({ early: { maxMessages: 3 } });
      const server = await trial.serve(sessions, {
        message: (_, text) => journal.note(`${text}`),
        close: (_, { code }) => journal.note(`close ${code}`),
      });
      const client = await trial.connect(server, "/", {
        atOpen: (socket) => {
          for (const text of numbered(4)) socket.send(text);
        },
      });
      expect((await client.closed).code).toBe(4413);
      await journal.until(1);
      expect(journal.entries).toEqual(["close 4413"]);
      expect(sessions.diagnostics.limitsExceeded).toBe(1);
      expect(sessions.diagnostics.messagesDiscarded).toBeGreaterThanOrEqual(4);
    },
  },
  {
    name: "I14 early messages up to early.maxMessages wait",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions<{ n: number }>({ early: { maxMessages: 3 } });
      const server = await trial.serve(sessions, { message: (_, text) => journal.note(`${text}`) });
      await trial.connect(server, "/", {
        atOpen: (socket) => {
          for (const text of numbered(3)) socket.send(text);
        },
      });
      await until(() => sessions.connections.size === 1);
      await [...sessions.connections][0]?.setSession({ n: 1 });
      await journal.until(3);
      expect(journal.entries).toEqual(numbered(3));
    },
  },
  {
    name: "I14 more early bytes than early.maxBytes close the connection with 4413, in one message or in many",
    async run(trial) {
      const sessions = createSessions<{ n: number }>({ early: { maxBytes: 1_000 } });
      const server = await trial.serve(sessions, {});
      const one = await trial.connect(server, "/", { atOpen: (socket) => socket.send("x".repeat(1_001)) });
      const many = await trial.connect(server, "/", {
        atOpen: (socket) => {
          for (let index = 0; index < 11; index += 1) socket.send(Buffer.alloc(100));
        },
      });
      expect((await one.closed).code).toBe(4413);
      expect((await many.closed).code).toBe(4413);
    },
  },
  {
    name: "I14 a session that is not set within early.timeoutMs closes the connection with 4408",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions<{ n: number }>({ early: { timeoutMs: 40 } });
      const server = await trial.serve(sessions, { close: (_, { code }) => journal.note(`close ${code}`) });
      const client = await trial.connect(server);
      expect((await client.closed).code).toBe(4408);
      await journal.until(1);
      expect(journal.entries).toEqual(["close 4408"]);
    },
  },
  {
    name: "I14 an open that has not set the session within early.timeoutMs closes the connection with 4408, even if open runs for longer",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions<{ n: number }>({ early: { timeoutMs: 40 }, handlerTimeoutMs: 40 });
      const server = await trial.serve(sessions, {
        open: () => deferred().promise,
        message: (_, text) => journal.note(`${text}`),
        close: (_, { code, reason }) => journal.note(`close ${code} ${reason}`),
      });
      const client = await trial.connect(server, "/", { atOpen: (socket) => socket.send("never handled") });
      expect(await client.closed).toEqual({ code: 4408, reason: "session not set in time" });
      await journal.until(1);
      expect(journal.entries).toEqual(["close 4408 session not set in time"]);
    },
  },
  {
    name: "fault D2: once the session is set, by initial or inside open, an open that takes longer than early.timeoutMs does not end the connection",
    async run(trial) {
      for (const isGiven of [true, false]) {
        const journal = new Journal();
        const gate = deferred();
        const sessions = createSessions<{ n: number }>({
          early: { timeoutMs: 20 },
          ...(isGiven ? { initial: () => ({ n: 0 }) } : {}),
        });
        const server = await trial.serve(sessions, {
          async open(connection) {
            if (!isGiven) await connection.setSession({ n: 0 });
            await gate.promise;
          },
          message: (connection, text) => void connection.send(text),
          close: (_, { code }) => journal.note(`close ${code}`),
        });
        const client = await trial.connect(server, "/", { atOpen: (socket) => socket.send("early") });
        await delay(80);
        await client.roundTrip();
        expect(journal.entries).toEqual([]);
        gate.resolve();
        expect(await client.next()).toBe("early");
      }
    },
  },
  {
    name: "I14 a session that is set in time is not closed by early.timeoutMs",
    async run(trial) {
      const sessions = createSessions({ initial: () => ({ n: 0 }), early: { timeoutMs: 30 } });
      const server = await trial.serve(sessions, {
        message: (connection, text) => void connection.send(text),
      });
      const client = await trial.connect(server);
      await delay(60);
      client.send("still here");
      expect(await client.next()).toBe("still here");
    },
  },
];

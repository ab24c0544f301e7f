import { createSessions } from "@wsession/core";
import type { Sessions } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterServer } from "../adapter-harness.ts";
import type { AdapterCase, AdapterTrial } from "../adapter-trial.ts";
import { frame } from "../raw-client.ts";
import { deferred, Journal, macrotask, until } from "../waiting.ts";

const KIB64 = 65_536;

/** Ten messages, "0" to "9", of a peer that goes when a limit was exceeded. */
async function sendTen(
  trial: AdapterTrial,
  server: AdapterServer,
  { diagnostics }: Pick<Sessions<{ n: number }>, "diagnostics">,
): Promise<void> {
  const client = await trial.rawUpgraded(server);
  // In one segment: a runtime that can pause has parsed all of it by then.
  client.write(...Array.from({ length: 10 }, (_, index) => frame(`${index}`)));
  await until(() => diagnostics.limitsExceeded === 1);
  await macrotask();
  client.destroy();
}

/** Nothing is dropped in silence (I3). */
export const limitCases: readonly AdapterCase[] = [
  {
    name: "I3 more messages waiting than inbox.maxMessages close the connection with 1013; what waited is counted",
    async run(trial) {
      const journal = new Journal();
      const gate = deferred();
      const sessions = createSessions({ initial: () => ({ n: 0 }), inbox: { maxMessages: 4 } });
      const server = await trial.serve(sessions, {
        message: (_, text) => (journal.note(`${text}`), gate.promise),
        close: (_, { code }) => journal.note(`close ${code}`),
      });
      await sendTen(trial, server, sessions);
      gate.resolve();
      await journal.until(2);
      expect(journal.entries).toEqual(["0", "close 1013"]);
      expect(sessions.diagnostics.limitsExceeded).toBe(1);
      // What had not been parsed by then may never have become a message.
      expect(sessions.diagnostics.messagesDiscarded).toBeGreaterThanOrEqual(5);
    },
  },
  {
    name: "I3 a single message over inbox.maxBytes may wait, a second one may not",
    async run(trial) {
      const journal = new Journal<number>();
      const gate = deferred();
      const sessions = createSessions({ initial: () => ({ n: 0 }), inbox: { maxBytes: 1_000 } });
      const server = await trial.serve(sessions, {
        message: (_, { length }) => (journal.note(length), gate.promise),
      });
      const fine = await trial.connect(server);
      fine.send("busy");
      fine.send("x".repeat(5_000));
      await journal.until(1);
      const over = await trial.rawUpgraded(server);
      over.write(frame("over"), frame("x".repeat(900)), frame("x".repeat(900)));
      await until(() => sessions.diagnostics.limitsExceeded === 1);
      gate.resolve();
      await journal.until(3);
      expect(journal.entries.toSorted((a, b) => a - b)).toEqual([4, 4, 5_000]);
      await fine.roundTrip();
    },
  },
  {
    name: 'I14 with gate "open" too, early bounds what waits before the session is set: while its login is under way',
    async run(trial) {
      const login = deferred();
      const journal = new Journal();
      const sessions = createSessions<{ n: number }>({ gate: "open", early: { maxMessages: 4 } });
      const server = await trial.serve(sessions, {
        message: (_, text) => (journal.note(`${text}`), login.promise),
        close: (_, { code }) => journal.note(`close ${code}`),
      });
      await sendTen(trial, server, sessions);
      login.resolve();
      await journal.until(2);
      expect(journal.entries).toEqual(["0", "close 4413"]);
    },
  },
  {
    name: "I14 a peer that floods before the session is set, and ignores the close frame, is held to the limits and harms nobody",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions<{ n: number }>({ early: { maxMessages: 50, maxBytes: 10_000 } });
      const server = await trial.serve(sessions, {
        message: (_, text) => journal.note(`${text}`),
        close: (_, { code }) => journal.note(`close ${code}`),
      });
      const bystander = await trial.connect(server);
      const flood = Buffer.concat(Array.from({ length: 2_000 }, () => frame("x".repeat(1_000))));
      const client = await trial.rawUpgraded(server);
      for (let times = 0; times < 10; times += 1) client.write(flood);
      await until(() => sessions.diagnostics.limitsExceeded === 1);
      await bystander.roundTrip();
      client.destroy();
      await journal.until(1);
      expect(journal.entries).toEqual(["close 4413"]);
      expect(sessions.connections.size).toBe(1);
    },
  },
  {
    name: "I3 where the runtime can stop reading, a busy handler slows a flood down and every message of it is handled",
    applies: ({ pauses }) => pauses,
    async run(trial) {
      const journal = new Journal<number>();
      const sessions = createSessions({ initial: () => ({ n: 0 }), inbox: { maxBytes: 8 * KIB64 } });
      const server = await trial.serve(sessions, {
        async message(_, data) {
          await macrotask();
          journal.note(typeof data === "string" ? -1 : (data[0] ?? -1));
        },
      });
      const client = await trial.connect(server);
      for (let index = 0; index < 200; index += 1) client.send(Buffer.alloc(KIB64, index));
      await journal.until(200);
      expect(journal.entries).toEqual(Array.from({ length: 200 }, (_, index) => index));
      await client.roundTrip();
    },
  },
  {
    name: "I3 where the runtime can't, a flood that a busy handler lets pile up ends with 1013",
    applies: ({ pauses }) => !pauses,
    async run(trial) {
      const gate = deferred();
      const sessions = createSessions({ initial: () => ({ n: 0 }), inbox: { maxBytes: 8 * KIB64 } });
      const server = await trial.serve(sessions, { message: () => gate.promise });
      const client = await trial.connect(server);
      for (let index = 0; index < 20; index += 1) client.send(Buffer.alloc(KIB64, index));
      expect((await client.closed).code).toBe(1013);
      gate.resolve();
    },
  },
  {
    name: "I3 a peer that goes while it is not being read is found out after handlerTimeoutMs",
    applies: ({ pauses }) => pauses,
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({
        initial: () => ({ n: 0 }),
        inbox: { maxMessages: 10 },
        handlerTimeoutMs: 60,
      });
      const server = await trial.serve(sessions, {
        message: (_, text) => (journal.note(`${text}`), deferred().promise),
        close: () => journal.note("close"),
      });
      const client = await trial.connect(server);
      for (let index = 0; index < 8; index += 1) client.send(`${index}`);
      await journal.until(1);
      client.socket.close();
      await journal.until(2);
      expect(journal.entries).toEqual(["0", "close"]);
    },
  },
  {
    name: "I3 a socket that is not being read can be closed by our side, and its peer is told",
    applies: ({ pauses }) => pauses,
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({
        initial: () => ({ n: 0 }),
        inbox: { maxMessages: 10 },
        handlerTimeoutMs: 2_000,
      });
      const gate = deferred();
      const server = await trial.serve(sessions, {
        message: (_, text) => (journal.note(`${text}`), gate.promise),
        close: (_, { code }) => journal.note(`close ${code}`),
      });
      const client = await trial.connect(server);
      for (let index = 0; index < 9; index += 1) client.send(`${index}`);
      await journal.until(1);
      await macrotask();
      [...sessions.connections][0]?.close(4007, "enough");
      gate.resolve();
      expect(await client.closed).toEqual({ code: 4007, reason: "enough" });
      await journal.until(2);
      expect(journal.entries).toEqual(["0", "close 4007"]);
    },
  },
];

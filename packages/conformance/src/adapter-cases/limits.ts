import { accept, createSessions, mapStore, queryToken } from "@wsession/core";
import type { Sessions, SessionsOptions } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterServer } from "../adapter-harness.ts";
import type { AdapterCase, AdapterTrial } from "../adapter-trial.ts";
import { closeFrameOf, frame } from "../raw-client.ts";
import { deferred, Journal, macrotask, until } from "../waiting.ts";

const KIB64 = 65_536;

/** A peer that sends ten messages, "0" to "9", and whose limit is exceeded. */
async function sendTen(
  trial: AdapterTrial,
  server: AdapterServer,
  { diagnostics }: Pick<Sessions<{ n: number }>, "diagnostics">,
): Promise<void> {
  const client = await trial.rawUpgraded(server);
  // In one TCP segment, so that even a runtime that can pause has parsed all of them.
  client.write(...Array.from({ length: 10 }, (_, index) => frame(`${index}`)));
  await until(() => diagnostics.limitsExceeded === 1);
  await macrotask();
  client.destroy();
}

/** Handlers whose messages wait for `gate`. They log each message and the close code. */
async function blocked(trial: AdapterTrial, sessions: Sessions<{ n: number }>) {
  const journal = new Journal();
  const gate = deferred();
  const server = await trial.serve(sessions, {
    message: (_, text) => (journal.note(`${text}`), gate.promise),
    close: (_, { code }) => journal.note(`close ${code}`),
  });
  return { server, journal, gate };
}

/** A session whose client has left. A client that returns finds an `open` handler that waits for the gate. */
async function backAgain(trial: AdapterTrial, options: Pick<SessionsOptions<{ n: number }>, "inbox"> = {}) {
  const gate = deferred();
  const journal = new Journal();
  const sessions = createSessions<{ n: number }>({ store: mapStore(), token: queryToken(), ...options });
  const { token } = await sessions.create({ n: 0 });
  const server = await trial.serve(sessions, {
    open: () => gate.promise,
    async message(_, text) {
      await macrotask();
      journal.note(`${text.length} bytes`);
    },
  });
  return { server, path: `/?token=${token}`, gate, journal, sessions };
}

/** No message is lost silently (I3). */
export const limitCases: readonly AdapterCase[] = [
  {
    name: "I3 more waiting messages than inbox.maxMessages close the connection with 1013; the waiting messages are counted",
    async run(trial) {
      const sessions = createSessions({ initial: () => ({ n: 0 }), inbox: { maxMessages: 4 } });
      const { server, journal, gate } = await blocked(trial, sessions);
      await sendTen(trial, server, sessions);
      gate.resolve();
      await journal.until(2);
      expect(journal.entries).toEqual(["0", "close 1013"]);
      expect(sessions.diagnostics.limitsExceeded).toBe(1);
      // Data that was not parsed by then may never have become messages.
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
    name: 'I14 with gate "open" too, early limits the messages that wait before the session is set, while the login is in progress',
    async run(trial) {
      const sessions = createSessions<{ n: number }>({ gate: "open", early: { maxMessages: 4 } });
      const { server, journal, gate: login } = await blocked(trial, sessions);
      await sendTen(trial, server, sessions);
      login.resolve();
      await journal.until(2);
      expect(journal.entries).toEqual(["0", "close 4413"]);
    },
  },
  {
    name: "fault D1: a client that comes back may send its queued messages while open awaits, within inbox; a single message may have any size",
    async run(trial) {
      const { server, path, gate, journal, sessions } = await backAgain(trial);
      const [large, many] = [await trial.connect(server, path), await trial.rawUpgraded(server, { path })];
      large.send("x".repeat(300 * 1024));
      many.write(
        ...Array.from({ length: 2_000 }, (_, index) => frame(`message${`${index}`.padStart(4, "0")}`)),
      );
      await large.roundTrip();
      const alone = await trial.connect(server, path);
      alone.send("x".repeat(5 * 1024 * 1024));
      await alone.roundTrip();
      gate.resolve();
      await journal.until(2_002);
      expect(journal.entries.filter((entry) => entry === "11 bytes")).toHaveLength(2_000);
      expect(journal.entries).toContain(`${300 * 1024} bytes`);
      expect(journal.entries).toContain(`${5 * 1024 * 1024} bytes`);
      expect(sessions.diagnostics).toMatchObject({ limitsExceeded: 0, messagesDiscarded: 0 });
    },
  },
  {
    name: "fault D1: a client that comes back is closed with 1013 if it sends more than inbox allows while open awaits",
    async run(trial) {
      const { server, path, gate, sessions } = await backAgain(trial, { inbox: { maxMessages: 4 } });
      const client = await trial.rawUpgraded(server, { path });
      const ended = closeFrameOf(client);
      client.write(...Array.from({ length: 10 }, (_, index) => frame(`${index}`)));
      expect(await ended).toEqual({ code: 1013, reason: "too many messages waiting" });
      expect(sessions.diagnostics.limitsExceeded).toBe(1);
      gate.resolve();
    },
  },
  {
    name: "fault D1: inbox also applies to a newcomer whose subject is known while open awaits: by admit, or by identify inside open",
    async run(trial) {
      for (const isIdentified of [false, true]) {
        const gate = deferred();
        const journal = new Journal();
        const sessions = createSessions({
          store: mapStore(),
          early: { maxMessages: 2 },
          admit: () => (isIdentified ? accept() : accept({ subject: "ada" })),
          initial: () => ({ n: 0 }),
        });
        const server = await trial.serve(sessions, {
          async open(connection) {
            if (isIdentified) await connection.session.identify("ada");
            journal.note("known");
            await gate.promise;
          },
          message: (_, text) => journal.note(`${text}`),
        });
        const client = await trial.connect(server);
        await journal.until(1);
        for (let index = 0; index < 10; index += 1) client.send(`${index}`);
        await client.roundTrip();
        gate.resolve();
        await journal.until(11);
        expect(journal.entries.slice(1).join("")).toBe("0123456789");
      }
    },
  },
  {
    name: "I14 early applies to a stranger to whom initial gave a session until open has settled, and inbox after that",
    async run(trial) {
      const gate = deferred();
      const sessions = createSessions({
        store: mapStore(),
        token: queryToken(),
        early: { maxMessages: 4, maxBytes: 1_000 },
        initial: () => ({ n: 0 }),
      });
      const busy = deferred();
      const server = await trial.serve(sessions, { open: () => gate.promise, message: () => busy.promise });
      const many = await trial.rawUpgraded(server);
      const ended = closeFrameOf(many);
      many.write(...Array.from({ length: 5 }, (_, index) => frame(`${index}`)));
      expect(await ended).toEqual({ code: 4413, reason: "too much before open has settled" });
      const large = await trial.rawUpgraded(server);
      const alsoEnded = closeFrameOf(large);
      large.write(frame("ä".repeat(501)));
      expect((await alsoEnded).code).toBe(4413);
      const fine = await trial.connect(server);
      gate.resolve();
      await macrotask();
      for (let index = 0; index < 10; index += 1) fine.send("x".repeat(500));
      await fine.roundTrip();
      expect(sessions.diagnostics.limitsExceeded).toBe(2);
      busy.resolve();
    },
  },
  {
    name: "I14 a peer that floods before the session is set, and ignores the close frame, stays within the limits and affects no other connection",
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
    name: "I3 if the runtime can pause, a busy handler slows a flood down, and every message of the flood is handled",
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
    name: "I3 if the runtime can't pause, a flood behind a busy handler ends with 1013",
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
    name: "I3 the end of a peer whose socket is paused is detected after handlerTimeoutMs",
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
    name: "I3 this side can close a paused socket, and its peer gets the close frame",
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

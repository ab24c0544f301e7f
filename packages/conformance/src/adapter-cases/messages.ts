import { createSessions } from "@wsession/core";
import type { Sessions } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { closeFrameOf, frame, Opcode } from "../raw-client.ts";
import { deferred, delay, Journal, macrotask } from "../waiting.ts";

const newSessions = (): Sessions<{ n: number }, unknown, never> =>
  createSessions({ initial: () => ({ n: 0 }) });

/**
 * Messages are handled in order of arrival, once, and one at a time. Text stays text, and handlers own the
 * bytes (I2).
 */
export const messageCases: readonly AdapterCase[] = [
  {
    name: "I2 500 messages reach a synchronous handler in order, each once",
    async run(trial) {
      const journal = new Journal<string | Uint8Array>();
      const server = await trial.serve(newSessions(), { message: (_, text) => journal.note(text) });
      const wanted = Array.from({ length: 500 }, (_, index) => `${index}`);
      await trial.connect(server, "/", {
        atOpen: (socket) => {
          for (const text of wanted) socket.send(text);
        },
      });
      await journal.until(500);
      await macrotask();
      expect(journal.entries).toEqual(wanted);
    },
  },
  {
    name: "I2 an async handler is called for one message at a time, however long each takes",
    async run(trial) {
      const journal = new Journal();
      let running = 0;
      const server = await trial.serve(newSessions(), {
        async message(_, text) {
          running += 1;
          const isAlone = running === 1;
          await (Number(text) % 3 === 0 ? delay(Number(text) % 4) : Promise.resolve());
          journal.note(`${text}${isAlone ? "" : " not alone"}`);
          running -= 1;
        },
      });
      const client = await trial.connect(server);
      const wanted = Array.from({ length: 60 }, (_, index) => `${index}`);
      for (const text of wanted) client.send(text);
      await journal.until(60);
      expect(journal.entries).toEqual(wanted);
    },
  },
  {
    name: "I2 a handler may return any thenable",
    async run(trial) {
      const journal = new Journal();
      const server = await trial.serve(newSessions(), {
        message: (_, text) => ({
          // oxlint-disable-next-line unicorn/no-thenable -- stands for a promise of another library
          then(settled: () => void, failed: (error: unknown) => void) {
            return delay(text === "first" ? 10 : 0)
              .then(() => journal.note(`${text}`))
              .then(settled, failed);
          },
        }),
      });
      const client = await trial.connect(server);
      client.send("first");
      client.send("second");
      await journal.until(2);
      expect(journal.entries).toEqual(["first", "second"]);
    },
  },
  {
    name: "I2 text is decoded, of any script and of any size",
    async run(trial) {
      const journal = new Journal<string | Uint8Array>();
      const server = await trial.serve(newSessions(), { message: (_, text) => journal.note(text) });
      const client = await trial.connect(server);
      // A U+FEFF at the start of a text is a character of it (RFC 6455 has no byte order mark).
      const wanted = ["ascii", "Grüße, Ωμέγα, 日本語, 🎈", "", "\u0000", "\uFEFFmark", "x".repeat(200_000)];
      for (const text of wanted) client.send(text);
      await journal.until(wanted.length);
      expect(journal.entries).toEqual(wanted);
    },
  },
  {
    name: "I2 the handler may keep a binary message: it is intact after a macrotask, and after more messages",
    async run(trial) {
      const kept = new Journal<Uint8Array>();
      const server = await trial.serve(newSessions(), {
        message: (_, data) => {
          if (typeof data !== "string") kept.note(data);
        },
      });
      const client = await trial.connect(server);
      const wanted = Array.from({ length: 30 }, (_, index) => Buffer.alloc(1_000 + index, index + 1));
      for (const bytes of wanted) client.send(bytes);
      client.send(new Uint8Array(0));
      await kept.until(31);
      await macrotask();
      for (let index = 0; index < 30; index += 1) client.send(Buffer.alloc(1_500, 0xee));
      await kept.until(61);
      await macrotask();
      expect(kept.entries.every((data) => data instanceof Uint8Array)).toBe(true);
      expect(
        kept.entries
          .slice(0, 30)
          .map((data) => Buffer.from(data).equals(wanted[data.length - 1_000] ?? Buffer.of())),
      ).toEqual(wanted.map(() => true));
      expect(kept.entries[30]?.length).toBe(0);
    },
  },
  {
    name: "I2 a binary message that waited at the gate is whole",
    async run(trial) {
      const gate = deferred();
      const kept = new Journal<string | Uint8Array>();
      const server = await trial.serve(newSessions(), {
        open: () => gate.promise,
        message: (_, data) => kept.note(data),
      });
      const client = await trial.connect(server);
      for (let index = 1; index <= 5; index += 1) client.send(Buffer.alloc(64, index));
      await client.roundTrip();
      await macrotask();
      gate.resolve();
      await kept.until(5);
      expect(kept.entries).toEqual([1, 2, 3, 4, 5].map((byte) => Buffer.alloc(64, byte)));
    },
  },
  {
    name: "I2 a fragmented message arrives as one, with a ping between its fragments",
    async run(trial) {
      const journal = new Journal<string | Uint8Array>();
      const server = await trial.serve(newSessions(), { message: (_, data) => journal.note(data) });
      const client = await trial.rawUpgraded(server);
      client.write(
        frame("frag", { fin: false }),
        frame(Buffer.of(1), { opcode: Opcode.Ping }),
        frame("men", { opcode: Opcode.Continuation, fin: false }),
        frame("ted", { opcode: Opcode.Continuation }),
        frame(Buffer.of(1, 2), { fin: false }),
        frame(Buffer.of(3), { opcode: Opcode.Continuation }),
      );
      await journal.until(2);
      await macrotask();
      expect(journal.entries[0]).toBe("fragmented");
      expect(Buffer.from(journal.entries[1] ?? "")).toEqual(Buffer.of(1, 2, 3));
    },
  },
  {
    name: "I2 an empty message reaches the handler",
    async run(trial) {
      const journal = new Journal<string | Uint8Array>();
      const server = await trial.serve(newSessions(), {
        async message(_, data) {
          await macrotask();
          journal.note(data);
        },
      });
      const client = await trial.connect(server);
      client.send("");
      client.send(new Uint8Array(0));
      client.send("");
      await journal.until(3);
      expect(journal.entries[0]).toBe("");
      expect(journal.entries[1]).toHaveLength(0);
      expect(typeof journal.entries[1]).toBe("object");
      expect(journal.entries[2]).toBe("");
    },
  },
  {
    name: "I4 the peer closed: messages that were received before are handled, then close",
    async run(trial) {
      const journal = new Journal();
      const server = await trial.serve(newSessions(), {
        async message(_, text) {
          await delay(2);
          journal.note(`${text}`);
        },
        close: () => journal.note("close"),
      });
      const client = await trial.connect(server);
      for (const text of ["a", "b", "c"]) client.send(text);
      client.socket.close(1000);
      await journal.until((entry) => entry === "close");
      expect(journal.entries).toEqual(["a", "b", "c", "close"]);
    },
  },
  {
    name: "I4 this side closed: messages that wait are discarded and counted",
    async run(trial) {
      const journal = new Journal();
      const gate = deferred();
      const sessions = newSessions();
      const server = await trial.serve(sessions, {
        async message(connection, text) {
          journal.note(`${text}`);
          await gate.promise;
          connection.close(4001, "enough");
        },
        close: (_, { code, reason }) => journal.note(`close ${code} ${reason}`),
      });
      const client = await trial.connect(server);
      for (const text of ["a", "b", "c"]) client.send(text);
      await client.roundTrip();
      gate.resolve();
      expect(await client.closed).toEqual({ code: 4001, reason: "enough" });
      await journal.until(2);
      expect(journal.entries).toEqual(["a", "close 4001 enough"]);
      expect(sessions.diagnostics.messagesDiscarded).toBe(2);
    },
  },
  {
    name: "I4 this side closed: a message that comes after the close frame is not handled, and not counted as discarded",
    async run(trial) {
      const journal = new Journal();
      const sessions = newSessions();
      const server = await trial.serve(sessions, {
        async message(connection, text) {
          journal.note(`${text}`);
          await macrotask();
          connection.close(4001, "enough");
        },
        close: (_, { code }) => journal.note(`close ${code}`),
      });
      const client = await trial.rawUpgraded(server);
      const closing = closeFrameOf(client);
      client.write(frame("handled"), frame("waits"));
      expect((await closing).code).toBe(4001);
      // The answer to the close frame comes last, so that the server has read the messages before it.
      const answer = Buffer.of(4001 >> 8, 4001 & 0xff);
      client.write(frame("late"), frame("later"), frame(answer, { opcode: Opcode.Close }));
      await client.closed;
      await journal.until(2);
      expect(journal.entries).toEqual(["handled", "close 4001"]);
      expect(sessions.diagnostics.messagesDiscarded).toBe(1);
    },
  },
  {
    name: "without a message handler messages are accepted and ignored",
    async run(trial) {
      const server = await trial.serve(newSessions(), { open: (connection) => void connection.send("hi") });
      const client = await trial.connect(server);
      client.send("anything");
      client.send(Buffer.of(1));
      await client.roundTrip();
      expect(await client.next()).toBe("hi");
    },
  },
];

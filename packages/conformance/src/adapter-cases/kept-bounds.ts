import { createSessions, isSessionError, mapStore } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { FramedPeer } from "../framed-peer.ts";
import { attachedPeer, framedServer } from "../framed-server.ts";
import type { Conn, Data } from "../framed-server.ts";
import { delay, Journal } from "../waiting.ts";

/** Sends again as long as the outbox is full. */
async function untilSent(session: Conn["session"], text: string): Promise<void> {
  for (;;) {
    try {
      await session.send(text);
      return;
    } catch (error) {
      if (!isSessionError(error, "OUTBOX_FULL")) throw error;
      await delay(2);
    }
  }
}

/** The limits of an outbox: the end of its session, its configured limits, and stores without outboxes. */
export const keptBoundCases: readonly AdapterCase[] = [
  {
    name: "I18 a destroyed session has no outbox: send rejects with SESSION_GONE, and its connections end with 4410",
    async run(trial) {
      const setting = await framedServer(trial);
      const { peer } = await attachedPeer(setting);
      const session = setting.session();
      await session.send("1");
      await setting.sessions.destroy(session.id);
      expect((await peer.client.closed).code).toBe(4410);
      await expect(session.send("2")).rejects.toMatchObject({ code: "SESSION_GONE", outcome: "not-applied" });
      expect(await setting.sessions.send(session.id, "3")).toBeUndefined();
      expect(await setting.sessions.send("no session", "4")).toBeUndefined();
    },
  },
  {
    name: "sendToSubject reaches each session of a subject, and counts them",
    async run(trial) {
      const setting = await framedServer(trial);
      const peers = [await attachedPeer(setting), await attachedPeer(setting), await attachedPeer(setting)];
      const [one, two] = setting.opened.entries;
      await one?.session.identify("ada");
      await two?.session.identify("ada");
      expect(await setting.sessions.sendToSubject("ada", "hi")).toEqual({ sessions: 2, failed: 0 });
      expect(await setting.sessions.sendToSubject("nobody", "hi")).toEqual({ sessions: 0, failed: 0 });
      await Promise.all(peers.slice(0, 2).map(({ peer }) => peer.keptTexts(1)));
      setting.opened.entries[2]?.send("end");
      await peers[2]?.peer.until("plain");
      expect(peers[2]?.peer.kept).toEqual([]);
    },
  },
  {
    name: "I20 a message over maxBytes is refused with TOO_LARGE; with whenFull refuse a full outbox refuses, until the client has read",
    async run(trial) {
      const outbox = { maxMessages: 2, maxBytes: 100, whenFull: "refuse" } as const;
      const setting = await framedServer(trial, { outbox });
      const { peer } = await attachedPeer(setting);
      const session = setting.session();
      await expect(session.send("é".repeat(51))).rejects.toMatchObject({
        code: "TOO_LARGE",
        outcome: "not-applied",
      });
      expect(peer.hello?.acks).toBe(true);
      await session.send("1");
      await session.send("2");
      await expect(session.send("3")).rejects.toMatchObject({ code: "OUTBOX_FULL", outcome: "not-applied" });
      await peer.keptTexts(2);
      peer.client.send(".k2");
      await untilSent(session, "3");
      expect(await peer.keptTexts(3)).toEqual(["1", "2", "3"]);
    },
  },
  {
    name: "I20 too many sends at once are refused with OUTBOX_FULL, and the accepted ones arrive",
    async run(trial) {
      const setting = await framedServer(trial, { outbox: { maxMessages: 10 } });
      const { peer } = await attachedPeer(setting);
      const sent = await Promise.allSettled(
        Array.from({ length: 15 }, (_, n) => setting.session().send(`${n}`)),
      );
      expect(sent.map(({ status }) => status)).toEqual([
        ...Array.from({ length: 10 }, () => "fulfilled"),
        ...Array.from({ length: 5 }, () => "rejected"),
      ]);
      expect(sent.at(-1)).toMatchObject({ reason: { code: "OUTBOX_FULL", outcome: "not-applied" } });
      expect(await peer.keptTexts(10)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}`));
    },
  },
  {
    name: "I20 a client that does not read gets at most one page beyond the send buffer; once it reads, it gets all messages in order",
    async run(trial) {
      const setting = await framedServer(trial, {
        outbox: { maxMessages: 1_000, maxBytes: 8 * 1024 * 1024 },
      });
      const { peer, token } = await attachedPeer(setting);
      peer.client.socket.terminate();
      const { id } = setting.session();
      const text = "x".repeat(16 * 1024);
      for (let n = 0; n < 300; n += 1) await setting.sessions.send(id, `${n}${text}`);
      const slow = await setting.connect(token);
      slow.comeBack(peer);
      await slow.until("hello");
      slow.client.socket.pause();
      await setting.opened.until(2);
      const connection = setting.opened.entries[1] ?? expect.fail("no connection");
      await delay(50);
      expect(connection.bufferedAmount).toBeLessThan(200 * 1024);
      slow.client.socket.resume();
      const kept = await slow.keptTexts(300);
      expect(kept.map((one) => Number.parseInt(one, 10))).toEqual(Array.from({ length: 300 }, (_, n) => n));
      await setting.sessions.send(id, "live");
      expect((await slow.keptTexts(301)).at(-1)).toBe("live");
    },
  },
  {
    name: "the handler resumed is also called for a raw client that came back, after open and before its first message",
    async run(trial) {
      const journal = new Journal();
      const setting = await framedServer(
        trial,
        {},
        {
          async open() {
            await delay(5);
            journal.note("open");
          },
          async resumed(_connection, event) {
            await delay(5);
            journal.note(`resumed ${event.replayed} ${event.missed}`);
          },
          message: (_connection, text) => journal.note(`message ${text}`),
        },
      );
      const { token } = await attachedPeer(setting);
      const raw = await setting.connectRaw(token);
      raw.send("x");
      await journal.until((entry) => entry === "message x");
      expect(journal.entries).toEqual(["open", "open", "resumed 0 undefined", "message x"]);
    },
  },
  {
    name: "I12 a handler resumed that fails ends its connection with 1011, and onError gets the error, on a raw and on a framed connection",
    async run(trial) {
      const errors = new Journal<{ readonly stage: string }>();
      const setting = await framedServer(
        trial,
        { onError: (_error, { stage }) => errors.note({ stage }) },
        { resumed: () => Promise.reject(new Error("mine")) },
      );
      const { peer, token } = await attachedPeer(setting);
      const again = await setting.connect(token);
      again.comeBack(peer);
      expect((await again.client.closed).code).toBe(1011);
      const raw = await setting.connectRaw(token);
      expect((await raw.closed).code).toBe(1011);
      expect(errors.entries).toEqual([{ stage: "resumed" }, { stage: "resumed" }]);
    },
  },
  {
    name: "I17 with inConnectionStore a message is delivered and not kept, and with a store without an outbox send rejects with NOT_SUPPORTED",
    async run(trial) {
      const opened = new Journal<Conn>();
      const sessions = createSessions<Data>({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, { open: (connection) => opened.note(connection) });
      const peer = await FramedPeer.connect(trial, server);
      peer.attach();
      expect(await peer.until("hello")).toMatchObject({ lasting: false, at: { offset: 0, chain: 0 } });
      const { session } = opened.entries[0] ?? expect.fail("no connection");
      expect(await session.send("gone")).toEqual({ offset: 0 });
      expect(await peer.until("plain")).toMatchObject({ message: "gone" });
      const store = Object.assign(mapStore(), {
        capabilities: { resumable: true, shared: false, values: "any" },
      } as const);
      const others = createSessions<Data>({ store, initial: () => ({ n: 0 }) });
      const { session: other } = await others.create({ n: 1 });
      await expect(other.send("x")).rejects.toMatchObject({ code: "NOT_SUPPORTED", outcome: "not-applied" });
      await others.close();
    },
  },
];

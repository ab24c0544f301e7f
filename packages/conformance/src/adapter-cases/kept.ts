import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { attachedPeer, framedServer } from "../framed-server.ts";
import { delay, Journal } from "../waiting.ts";

/** Messages that are kept for a client that is away. */
export const keptCases: readonly AdapterCase[] = [
  {
    name: "I15 kept messages reach a client in order, among plain messages, and both sides count the same offsets",
    async run(trial) {
      const setting = await framedServer(trial);
      const { peer } = await attachedPeer(setting);
      expect(peer.hello).toMatchObject({ lasting: true, resumed: false, mode: "message", protocol: "" });
      expect(peer.position).toEqual({ offset: 0, chain: 0 });
      const bytes = Uint8Array.from([0, 61, 255]);
      const sent = await Promise.all([
        setting.session().send("a"),
        setting.session().send(bytes),
        setting.sessions.send(setting.session().id, "c"),
      ]);
      expect(sent).toEqual([{ offset: 1 }, { offset: 2 }, { offset: 3 }]);
      setting.opened.entries[0]?.send("plain");
      await peer.until("plain");
      expect(peer.keptOffsets).toEqual([1, 2, 3]);
      expect(peer.frames.map((frame) => frame.type)).toEqual(["hello", "kept", "kept", "kept", "plain"]);
      expect(peer.frames[2]).toMatchObject({ message: Buffer.from(bytes) });
    },
  },
  {
    name: "I16 a client that comes back gets every message after its position, then live messages, and no message twice",
    async run(trial) {
      const setting = await framedServer(trial);
      const { peer, token } = await attachedPeer(setting);
      await setting.session().send("1");
      await setting.session().send("2");
      await peer.keptTexts(2);
      peer.client.socket.terminate();
      const { id } = setting.session();
      for (let n = 3; n <= 6; n += 1) await setting.sessions.send(id, `${n}`);
      const again = await setting.connect(token);
      again.comeBack(peer);
      const hello = await again.until("hello");
      expect(hello).toMatchObject({
        session: id,
        resumed: true,
        missed: undefined,
        at: peer.position,
        last: 6,
      });
      await setting.sessions.send(id, "7");
      expect(await again.keptTexts(5)).toEqual(["3", "4", "5", "6", "7"]);
      expect(again.keptOffsets).toEqual([3, 4, 5, 6, 7]);
    },
  },
  {
    name: "I16 if messages of a client were dropped, hello and the handler resumed report which, and the client gets the others",
    async run(trial) {
      const events = new Journal<unknown>();
      const setting = await framedServer(
        trial,
        { outbox: { maxMessages: 3 } },
        { resumed: (_connection, event) => events.note(event) },
      );
      const { peer, token } = await attachedPeer(setting);
      await setting.session().send("1");
      await peer.keptTexts(1);
      peer.client.socket.terminate();
      const { id } = setting.session();
      for (let n = 2; n <= 6; n += 1) await setting.sessions.send(id, `${n}`);
      const again = await setting.connect(token);
      again.comeBack(peer);
      const { missed, at } = await again.until("hello");
      expect(missed).toEqual({ from: 2, to: 3, certain: false });
      expect(at.offset).toBe(3);
      expect(await again.keptTexts(3)).toEqual(["4", "5", "6"]);
      await events.until(1);
      expect(events.entries).toEqual([{ replayed: 3, missed: { from: 2, to: 3 } }]);
    },
  },
  {
    name: "I19 a client with a false position gets missed with certain false, and all messages that are kept",
    async run(trial) {
      const setting = await framedServer(trial);
      const { peer, token } = await attachedPeer(setting);
      const { id } = setting.session();
      for (const text of ["1", "2", "3"]) await setting.sessions.send(id, text);
      await peer.keptTexts(3);
      for (const at of [
        { offset: 2, chain: 77 },
        { offset: 1e12, chain: 1 },
        { offset: 0, chain: 5 },
      ]) {
        const liar = await setting.connect(token);
        liar.attach({ session: id, at });
        expect((await liar.until("hello")).missed).toEqual({ from: 1, to: 0, certain: false });
        expect(await liar.keptTexts(3)).toEqual(["1", "2", "3"]);
      }
    },
  },
  {
    name: "I16 a jump skips a message that was replaced or whose ttlMs is over, and the client can come back from a position after it",
    async run(trial) {
      const setting = await framedServer(trial);
      const { peer, token } = await attachedPeer(setting);
      const { id } = setting.session();
      peer.client.socket.terminate();
      await setting.sessions.send(id, "unread: 1", { key: "unread" });
      await setting.sessions.send(id, "a");
      await setting.sessions.send(id, "unread: 2", { key: "unread" });
      await setting.sessions.send(id, "typing", { ttlMs: 1 });
      await delay(5);
      const again = await setting.connect(token);
      again.comeBack(peer);
      await again.until("jump", ({ count, witness }) => count === 1 && witness === undefined);
      expect(again.kept).toEqual(["a", "unread: 2"]);
      expect(again.frames.filter(({ type }) => type === "jump")).toMatchObject([
        { count: 1, witness: { offset: 4 } },
        { count: 1, witness: undefined },
      ]);
      expect(again.position?.offset).toBe(4);
      const third = await setting.connect(token);
      third.comeBack(again);
      expect(await third.until("hello")).toMatchObject({ missed: undefined, at: again.position });
    },
  },
  {
    name: "I15 a newcomer gets the messages that are sent between its handshake and its attach",
    async run(trial) {
      const setting = await framedServer(
        trial,
        {},
        { open: async (connection) => void (await connection.session.send("welcome")) },
      );
      const peer = await setting.connect();
      await setting.opened.until(1);
      await setting.session().send("between");
      peer.attach();
      expect(await peer.until("hello")).toMatchObject({ resumed: false, missed: undefined, last: 2 });
      expect(await peer.keptTexts(2)).toEqual(["welcome", "between"]);
    },
  },
  {
    name: "I15 all connections of a session get each message once, raw ones as an ordinary message",
    async run(trial) {
      const setting = await framedServer(trial);
      const { peer, token } = await attachedPeer(setting);
      const second = await setting.connect(token);
      second.comeBack(peer);
      await second.until("hello");
      const raw = await setting.connectRaw(token);
      await setting.opened.until(3);
      await Promise.all(Array.from({ length: 20 }, (_, n) => setting.session().send(`${n}`)));
      const wanted = Array.from({ length: 20 }, (_, n) => `${n}`);
      expect(await peer.keptTexts(20)).toEqual(wanted);
      expect(await second.keptTexts(20)).toEqual(wanted);
      for (const text of wanted) expect(await raw.next()).toBe(text);
    },
  },
];

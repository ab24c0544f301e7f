import type { Transaction } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { returningPeer, transactionServer } from "../framed-server.ts";
import type { Data, FramedServer } from "../framed-server.ts";
import { deferred, Journal } from "../waiting.ts";

const add = (tx: Transaction<Data>, message: string | Uint8Array) => {
  tx.update(({ n }) => ({ n: n + Number(String(message)) }));
  tx.send(`sum ${tx.data.n}`);
};

/** Nine further clients settle a number each, so that the session drops the oldest record. */
const forgetOldest = async (setting: FramedServer, token: string) => {
  for (let n = 0; n < 9; n += 1) {
    const other = await setting.connect(token);
    other.attach();
    await other.until("hello");
    other.sendCounted("10");
    await other.until("applied");
    other.client.socket.terminate();
  }
};

/** The handler `transaction`: a number, its change and its kept messages are committed in one step. */
export const transactionCases: readonly AdapterCase[] = [
  {
    name: "I21 I22 a numbered message changes the session and sends an answer, which arrives before the ack",
    async run(trial) {
      const { setting, peer } = await transactionServer(trial, { transaction: add });
      expect(peer.hello).toMatchObject({ mode: "transaction", record: false, settled: 0 });
      peer.sendCounted("2");
      peer.sendCounted("3");
      await peer.until("applied", ({ number }) => number === 2);
      expect(peer.kept).toEqual(["sum 2", "sum 5"]);
      expect(setting.session().data).toEqual({ n: 5 });
      expect(setting.sessions.diagnostics).toMatchObject({ transactions: 2, transactionsRefused: 0 });
    },
  },
  {
    name: "I21 I23 a message that is sent again on another connection gets its first outcome, and is not handled again",
    async run(trial) {
      const handled = new Journal();
      const { setting, peer, token } = await transactionServer(trial, {
        transaction(tx, message) {
          handled.note(`${message}`);
          add(tx, message);
        },
      });
      peer.sendCounted("2");
      await peer.until("applied");
      peer.client.socket.terminate();
      const again = await returningPeer(setting, { peer, token }, 1);
      again.sendCounted("2");
      again.sendCounted("5");
      const hello = await again.until("hello");
      expect(hello).toMatchObject({ record: true, settled: 1, refused: [] });
      await again.until("applied", ({ number }) => number === 2);
      expect(handled.entries).toEqual(["2", "5"]);
      expect(setting.session().data).toEqual({ n: 7 });
    },
  },
  {
    name: "I20 I21 numbers that hello settles do not count against the window, though their messages still wait for the handler",
    async run(trial) {
      const { promise, resolve } = deferred();
      const { setting, peer, token } = await transactionServer(trial, {
        transaction: add,
        resumed: () => promise,
      });
      for (let n = 1; n <= 32; n += 1) peer.sendCounted("1");
      await peer.until("applied", ({ number }) => number === 32);
      peer.client.socket.terminate();
      // As if no ack had arrived.
      const again = await returningPeer(setting, { peer, token }, 1);
      for (let n = 1; n <= 32; n += 1) again.sendCounted("1");
      expect(await again.until("hello")).toMatchObject({ record: true, settled: 32 });
      for (let n = 33; n <= 80; n += 1) again.sendCounted("1");
      again.client.send(".?");
      await again.until("beat");
      resolve();
      await again.until("applied", ({ number }) => number === 80);
      expect(setting.session().data).toEqual({ n: 80 });
    },
  },
  {
    name: "I21 if two connections of one client handle a message at once, one commits, and both send its outcome",
    async run(trial) {
      const gates = [deferred(), deferred()];
      const begun = new Journal();
      const { setting, peer, token } = await transactionServer(trial, {
        async transaction(tx, message) {
          begun.note(`${message}`);
          await gates[begun.entries.length - 1]?.promise;
          add(tx, message);
        },
      });
      peer.sendCounted("2");
      await begun.until(1);
      const again = await returningPeer(setting, { peer, token }, 1);
      again.sendCounted("2");
      await begun.until(2);
      gates[1]?.resolve();
      await again.until("applied");
      gates[0]?.resolve();
      await peer.until("applied");
      expect(setting.session().data).toEqual({ n: 2 });
      expect(again.kept).toEqual(["sum 2"]);
    },
  },
  {
    name: "I21 the handler runs again on the new data if another writer was first, and its effects run once",
    async run(trial) {
      const ids = new Journal();
      const effects = new Journal();
      const { setting, peer } = await transactionServer(trial, {
        async transaction(tx, message) {
          ids.note(tx.id);
          const { n } = tx.data;
          if (ids.entries.length === 1) {
            const other = await setting.sessions.get(setting.session().id);
            await other?.update((data) => ({ n: data.n + 100 }));
          }
          tx.set({ n: n + Number(String(message)) });
          tx.send(`from ${n}`);
          tx.after(() => effects.note(`was ${n}`));
        },
      });
      peer.sendCounted("1");
      await peer.until("applied");
      await effects.until(1);
      expect(setting.session().data).toEqual({ n: 101 });
      expect(peer.kept).toEqual(["from 100"]);
      expect(effects.entries).toEqual(["was 100"]);
      expect(new Set(ids.entries).size).toBe(1);
      expect(ids.entries).toHaveLength(2);
    },
  },
  {
    name: "I21 a handler that did not read the data does not run again if another writer was first",
    async run(trial) {
      const runs = new Journal();
      const { setting, peer } = await transactionServer(trial, {
        async transaction(tx) {
          runs.note("run");
          const other = await setting.sessions.get(setting.session().id);
          await other?.set({ n: 100 });
          tx.patch({ n: 1 });
        },
      });
      peer.sendCounted("1");
      await peer.until("applied");
      expect(setting.session().data).toEqual({ n: 1 });
      expect(runs.entries).toEqual(["run"]);
    },
  },
  {
    name: "I21 messages that change nothing are settled in the store, in one commit if more messages wait",
    async run(trial) {
      const { promise, resolve } = deferred();
      const { setting, peer, token } = await transactionServer(trial, { transaction: () => promise });
      for (let n = 1; n <= 40; n += 1) peer.sendCounted("nothing");
      peer.client.send(".?");
      await peer.until("beat");
      resolve();
      await peer.until("applied", ({ number }) => number === 40);
      peer.client.socket.terminate();
      const again = await returningPeer(setting, { peer, token }, 41);
      expect(await again.until("hello")).toMatchObject({ record: true, settled: 40, refused: [] });
      expect(setting.sessions.diagnostics.transactions).toBe(1);
      expect(setting.session().version).toBe(1);
    },
  },
  {
    name: "I22 a transaction's effect runs after its kept messages and its ack were sent, and not before the commit",
    async run(trial) {
      const { promise, resolve } = deferred();
      const { setting, peer } = await transactionServer(trial, {
        transaction(tx) {
          tx.send("kept");
          tx.after(() => tx.connection.send("effect"));
          tx.after(async () => {
            await tx.connection.session.patch({ n: 9 });
            resolve();
          });
        },
      });
      peer.sendCounted("1");
      await peer.until("plain");
      expect(peer.frames.slice(-3).map(({ type }) => type)).toEqual(["kept", "applied", "plain"]);
      await promise;
      expect(setting.session().data).toEqual({ n: 9 });
    },
  },
  {
    name: "with the handler transaction, the handler message gets plain frames, and all messages of raw connections",
    async run(trial) {
      const journal = new Journal();
      const { setting, peer, token } = await transactionServer(trial, {
        message: (_connection, data) => journal.note(`message ${data}`),
        transaction: (_tx, data) => journal.note(`transaction ${data}`),
      });
      peer.sendPlain("plain");
      peer.sendCounted("numbered");
      await peer.until("applied");
      const raw = await setting.connectRaw(token);
      raw.send("raw");
      await journal.until(3);
      expect(journal.entries).toEqual(["message plain", "transaction numbered", "message raw"]);
    },
  },
  {
    name: "I21 messages that a forgotten client sent on an earlier connection are not handled: the client gets forgotten, and attaches again",
    async run(trial) {
      const handled = new Journal();
      const { setting, peer, token } = await transactionServer(trial, {
        transaction: (tx, data) => (handled.note(`${data}`), add(tx, data)),
      });
      peer.sendCounted("1");
      await peer.until("applied");
      await forgetOldest(setting, token);
      const again = await returningPeer(setting, { peer, token }, 1, 1);
      again.sendCounted("1");
      const { mark } = await again.until("forgotten");
      expect(handled.entries.filter((text) => text === "1")).toHaveLength(1);
      expect(setting.session().data).toEqual({ n: 91 });
      again.attach({ session: again.hello?.session, from: 2, mark });
      await again.until("hello", (hello) => !hello.record && hello.mark === mark);
      again.sendCounted("5");
      await again.until("applied", ({ number }) => number === 2);
      expect(setting.session().data).toEqual({ n: 96 });
    },
  },
  {
    name: "I21 a client that is remembered again between its handshake and its attach is not told that it is forgotten",
    async run(trial) {
      const { setting, peer, token } = await transactionServer(trial, { transaction: add });
      // The client has a second connection, as in a handover. The handshake reads the record and the forget mark.
      const second = await setting.connect(token);
      await forgetOldest(setting, token);
      peer.sendCounted("1");
      const { mark } = await peer.until("forgotten");
      peer.attach({ session: peer.hello?.session, from: 1, mark });
      await peer.until("hello");
      peer.sendCounted("1");
      await peer.until("applied");
      second.comeBack(peer, { client: peer.id, from: 1, mark });
      expect(await second.until("hello")).toMatchObject({ record: true, settled: 1 });
      second.sendCounted("1");
      expect(await second.until("applied")).toMatchObject({ number: 1 });
    },
  },
  {
    name: "I22 a transaction that stages more messages than the outbox keeps throws at the call, and 256 messages are kept whole",
    async run(trial) {
      const { setting, peer } = await transactionServer(trial, {
        transaction(tx, message) {
          for (let n = 1; n <= Number(String(message)); n += 1) tx.send(`${n}`);
          tx.patch({ n: 1 });
        },
      });
      peer.sendCounted("1000");
      expect(await peer.until("refused")).toMatchObject({ number: 1, code: "OUTBOX_FULL" });
      expect(setting.session().data).toEqual({ n: 0 });
      peer.sendCounted("256");
      await peer.until("applied");
      expect(peer.kept).toHaveLength(256);
    },
  },
];

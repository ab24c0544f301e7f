import { isSessionError, mapStore, SessionError, TransactionRefused } from "@wsession/core";
import type { CommitRequest, Transaction } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { attachedPeer, framedServer, returningPeer, transactionServer } from "../framed-server.ts";
import type { Data } from "../framed-server.ts";
import { deferred, Journal } from "../waiting.ts";

type Handle = (tx: Transaction<Data>, message: string | Uint8Array) => unknown;

/** Returns the answer to a message whose handler stages a change and then runs `handle`. */
async function refusedBy(trial: Parameters<AdapterCase["run"]>[0], handle: Handle, own = {}) {
  const reported = new Journal<{ readonly error: unknown; readonly stage: string }>();
  const setting = await framedServer(
    trial,
    { onError: (error, { stage }) => reported.note({ error, stage }), ...own },
    {
      transaction(tx, message) {
        tx.patch({ n: 5 });
        tx.send("never");
        return handle(tx, message);
      },
    },
  );
  const { peer } = await attachedPeer(setting);
  peer.sendCounted("message");
  const { code, message, detail } = await peer.until("refused");
  expect(setting.session().data).toEqual({ n: 0 });
  expect(peer.kept).toEqual([]);
  peer.client.send(".?");
  await peer.until("beat");
  return { code, message, detail, reported: reported.entries };
}

/** Transactions that are refused or fail, or whose session or connection ends. */
export const failedTransactionCases: readonly AdapterCase[] = [
  {
    name: "I21 a TransactionRefused reaches the client with its code and detail, and no change is committed",
    async run(trial) {
      const { reported, ...received } = await refusedBy(trial, () => {
        throw new TransactionRefused("outbid", { message: "too low", detail: { highest: 7 } });
      });
      expect(received).toEqual({ code: "outbid", message: "too low", detail: { highest: 7 } });
      expect(reported).toEqual([]);
    },
  },
  {
    name: "I21 a refusal is settled: the client gets it again on the next connection, and the message is not handled again",
    async run(trial) {
      const handled = new Journal();
      const { setting, peer, token } = await transactionServer(trial, {
        transaction(tx, message) {
          handled.note(`${message}`);
          if (handled.entries.length === 1) throw new TransactionRefused("no");
          tx.patch({ n: 1 });
        },
      });
      peer.sendCounted("first");
      await peer.until("refused");
      peer.client.socket.terminate();
      const again = await returningPeer(setting, { peer, token }, 1);
      again.sendCounted("first");
      expect(await again.until("hello")).toMatchObject({ settled: 1, refused: [1] });
      expect(await again.until("refused")).toMatchObject({ number: 1 });
      expect(handled.entries).toEqual(["first"]);
      expect(setting.session().data).toEqual({ n: 0 });
    },
  },
  {
    name: "I12 I21 an error of the handler is reported, and the client gets HANDLER_FAILED without the error's message; the connection stays",
    async run(trial) {
      const mistake = new Error("a secret of the server");
      const { reported, ...received } = await refusedBy(trial, () => Promise.reject(mistake));
      expect(received).toEqual({ code: "HANDLER_FAILED", message: undefined, detail: undefined });
      expect(reported).toEqual([{ error: mistake, stage: "transaction" }]);
    },
  },
  {
    name: "I21 a handler that does not settle within handlerTimeoutMs has failed, and its later calls on tx throw TRANSACTION_OVER",
    async run(trial) {
      const { promise, resolve } = deferred();
      const late = new Journal<unknown>();
      const { code, reported } = await refusedBy(
        trial,
        async (tx) => {
          await promise;
          try {
            tx.patch({ n: 9 });
          } catch (error) {
            late.note(error);
          }
        },
        { handlerTimeoutMs: 50 },
      );
      expect(code).toBe("HANDLER_FAILED");
      expect(reported.map(({ error }) => isSessionError(error, "TRANSACTION_OVER"))).toEqual([true]);
      resolve();
      await late.until(1);
      expect(isSessionError(late.entries[0], "TRANSACTION_OVER")).toBe(true);
    },
  },
  {
    name: "I21 the client gets INVALID_DATA for data that the schema refuses, and TOO_LARGE for a message over outbox.maxBytes",
    async run(trial) {
      const schema = {
        "~standard": {
          version: 1,
          vendor: "case",
          validate: (value: unknown) =>
            typeof value === "object" && value !== null && "n" in value && typeof value.n === "number"
              ? { value: { n: value.n } }
              : { issues: [{ message: "no number" }] },
        },
      } as const;
      const invalid = await refusedBy(trial, (tx) => tx.set(JSON.parse('{"n":"many"}')), { schema });
      expect(invalid).toMatchObject({ code: "INVALID_DATA", reported: [] });
      const large = await refusedBy(trial, (tx) => tx.send("x".repeat(2_000)), {
        outbox: { maxBytes: 1_000 },
      });
      expect(large).toMatchObject({ code: "TOO_LARGE", reported: [] });
    },
  },
  {
    name: "I22 the client gets OUTBOX_FULL if the outbox refuses the messages, and the change is not applied",
    async run(trial) {
      const outbox = { maxMessages: 2, whenFull: "refuse" } as const;
      const { setting, peer } = await transactionServer(
        trial,
        {
          transaction(tx) {
            tx.update(({ n }) => ({ n: n + 1 }));
            tx.send("answer");
          },
        },
        { outbox },
      );
      for (let n = 1; n <= 3; n += 1) peer.sendCounted("go");
      expect(await peer.until("refused")).toMatchObject({ number: 3, code: "OUTBOX_FULL" });
      expect(setting.session().data).toEqual({ n: 2 });
    },
  },
  {
    name: "I21 writes of the connection's handle reject with IN_TRANSACTION while its handler runs, and work after it",
    async run(trial) {
      const codes = new Journal();
      const { setting, peer } = await transactionServer(trial, {
        async transaction(tx) {
          const { session } = tx.connection;
          const calls = [
            () => session.set({ n: 1 }),
            () => session.patch({ n: 1 }),
            () => session.update((data) => data),
            () => session.send("x"),
            () => session.identify("ada"),
            () => session.rotate(),
          ];
          for (const call of calls)
            await call().catch((error: unknown) => codes.note(isSessionError(error) ? error.code : "other"));
          await session.refresh();
        },
      });
      peer.sendCounted("go");
      await peer.until("applied");
      expect(codes.entries).toEqual(Array.from({ length: 6 }, () => "IN_TRANSACTION"));
      await setting.session().patch({ n: 3 });
      expect(setting.session().data).toEqual({ n: 3 });
    },
  },
  {
    name: "I21 a handler that destroys its session changes nothing, and its connection ends with 4410",
    async run(trial) {
      const { setting, peer } = await transactionServer(trial, {
        async transaction(tx) {
          tx.patch({ n: 1 });
          await tx.connection.session.destroy("enough");
        },
      });
      const { id } = setting.session();
      peer.sendCounted("go");
      const { code } = await peer.client.closed;
      expect(code).toBe(4410);
      expect(peer.frames.some(({ type }) => type === "applied" || type === "refused")).toBe(false);
      expect(await setting.sessions.get(id)).toBeUndefined();
    },
  },
  {
    name: "I21 a handler that closes its connection still commits, and the client gets the outcome when it comes back",
    async run(trial) {
      const { setting, peer, token } = await transactionServer(trial, {
        transaction(tx) {
          tx.patch({ n: 1 });
          tx.connection.close(4000, "bye");
        },
      });
      peer.sendCounted("go");
      await peer.client.closed;
      const again = await returningPeer(setting, { peer, token }, 1);
      expect(await again.until("hello")).toMatchObject({ settled: 1 });
      expect(setting.session().data).toEqual({ n: 1 });
    },
  },
  {
    name: "I21 no outcome is sent before the store has answered, and if the store does not answer, the connection ends with 4503",
    async run(trial) {
      const store = mapStore();
      const commit = store.commit?.bind(store);
      const asked = new Journal<{ readonly answer: () => void; readonly fail: () => void }>();
      Object.defineProperty(store, "commit", {
        async value(request: CommitRequest) {
          await new Promise<void>((resolve, reject) => {
            const error = new SessionError("STORE_UNAVAILABLE", "away", { outcome: "unknown" });
            asked.note({ answer: resolve, fail: () => reject(error) });
          });
          return commit?.(request);
        },
      });
      const { setting, peer, token } = await transactionServer(
        trial,
        { transaction: (tx) => tx.patch({ n: 1 }) },
        { store },
      );
      const isTold = () => peer.frames.some(({ type }) => type === "applied" || type === "refused");
      peer.sendCounted("first");
      await asked.until(1);
      peer.client.send(".?");
      await peer.until("beat");
      expect(isTold()).toBe(false);
      asked.entries[0]?.answer();
      await peer.until("applied");
      peer.sendCounted("second");
      await asked.until(2);
      asked.entries[1]?.fail();
      expect((await peer.client.closed).code).toBe(4503);
      const again = await returningPeer(setting, { peer, token }, 2, 1);
      expect(await again.until("hello")).toMatchObject({ settled: 1 });
      again.sendCounted("second");
      await asked.until(3);
      asked.entries[2]?.answer();
      await again.until("applied", ({ number }) => number === 2);
    },
  },
  {
    name: "a detail that JSON can't represent, or that is too long for a frame, is left out, and the code is sent",
    async run(trial) {
      const circular: Record<string, unknown> = {};
      circular["itself"] = circular;
      for (const detail of [circular, "x".repeat(5_000), 1n]) {
        const { code, detail: received } = await refusedBy(trial, () => {
          throw new TransactionRefused("no", { detail });
        });
        expect([code, received]).toEqual(["no", undefined]);
      }
    },
  },
];

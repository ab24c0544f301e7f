import { isSessionError } from "@wsession/core";
import type { Transaction } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { attachedPeer, framedServer, transactionServer } from "../framed-server.ts";
import type { Data } from "../framed-server.ts";
import { Journal } from "../waiting.ts";

/** Calls that TypeScript would refuse, and mistakes of a handler. */
export const misusedTransactionCases: readonly AdapterCase[] = [
  {
    name: "I21 a transaction that was kept throws TRANSACTION_OVER, in its own effect and in another message's handler",
    async run(trial) {
      const codes = new Journal<string>();
      const kept: Transaction<Data>[] = [];
      const useAll = (tx: Transaction<Data>) => {
        const uses = [
          () => tx.data,
          () => tx.set({ n: 5 }),
          () => tx.patch({ n: 5 }),
          () => tx.update(() => ({ n: 5 })),
          () => tx.send("never"),
          () => tx.after(() => codes.note("never")),
          () => tx.atLeastOnce(() => codes.note("never")),
        ];
        for (const use of uses)
          try {
            use();
            codes.note("accepted");
          } catch (error) {
            codes.note(isSessionError(error) ? error.code : String(error));
          }
        codes.note(`${tx.id.split(":")[2]} ${tx.connection.session.data.n}`);
      };
      const { setting, peer } = await transactionServer(trial, {
        transaction(tx) {
          const [first] = kept;
          if (first !== undefined) return useAll(first);
          kept.push(tx);
          tx.patch({ n: 1 });
          tx.after(() => useAll(tx));
        },
      });
      const over = Array.from({ length: 7 }, () => "TRANSACTION_OVER");
      peer.sendCounted("1");
      await codes.until(8);
      expect(codes.entries).toEqual([...over, "1 1"]);
      const other = await attachedPeer(setting);
      other.peer.sendCounted("1");
      await codes.until(16);
      expect(codes.entries.slice(8)).toEqual([...over, "1 1"]);
      peer.client.send(".?");
      await peer.until("beat");
      expect(peer.kept).toEqual([]);
    },
  },
  {
    name: "I21 data that a change was called with counts as read, although the change threw",
    async run(trial) {
      const runs = new Journal();
      const { setting, peer } = await transactionServer(trial, {
        async transaction(tx) {
          runs.note("run");
          let seen = 0;
          try {
            tx.update(({ n }) => {
              seen = n;
              throw new Error("changed my mind");
            });
          } catch {
            // The handler continues with the data that it got.
          }
          if (runs.entries.length === 1)
            await (await setting.sessions.get(setting.session().id))?.update(({ n }) => ({ n: n + 100 }));
          tx.patch({ n: seen + 1 });
        },
      });
      peer.sendCounted("go");
      await peer.until("applied");
      expect(setting.session().data).toEqual({ n: 101 });
      expect(runs.entries).toHaveLength(2);
    },
  },
  {
    name: "I21 a change that stages something itself throws INVALID_ARGUMENT, because the staged change would be lost",
    async run(trial) {
      const codes = new Journal<string>();
      const { setting, peer } = await transactionServer(trial, {
        transaction(tx) {
          const inner = [
            () => tx.set({ n: 1 }),
            () => tx.patch({ n: 1 }),
            () => tx.update(() => ({ n: 1 })),
            () => tx.atLeastOnce(() => 1),
          ];
          for (const stage of inner)
            try {
              tx.update((data) => {
                stage();
                return { n: data.n + 10 };
              });
              codes.note("accepted");
            } catch (error) {
              codes.note(isSessionError(error) ? error.code : String(error));
            }
          tx.update(({ n }) => ({ n: n + 2 }));
        },
      });
      peer.sendCounted("go");
      await peer.until("applied");
      expect(codes.entries).toEqual(Array.from({ length: 4 }, () => "INVALID_ARGUMENT"));
      expect(setting.session().data).toEqual({ n: 2 });
    },
  },
  {
    name: "I21 empty messages, binary messages, and messages that look like a frame reach the handler unchanged",
    async run(trial) {
      const messages = ["", new Uint8Array(), new Uint8Array([0x3d, 0, 255]), "=1", ".!1{}", "\u0000"];
      const handled = new Journal<string | Uint8Array>();
      const { peer } = await transactionServer(trial, {
        transaction: (_, message) => handled.note(message),
      });
      for (const message of messages) peer.sendCounted(message);
      await peer.until("applied", ({ number }) => number === messages.length);
      expect(handled.entries.map((one) => (typeof one === "string" ? one : [...one]))).toEqual(
        messages.map((one) => (typeof one === "string" ? one : [...one])),
      );
    },
  },
  {
    name: "I12 an effect may hang, end the session or give it to a user: the next messages are handled as far as there is a session",
    async run(trial) {
      const effects: Readonly<Record<string, (tx: Transaction<Data>) => unknown>> = {
        hang: () => new Promise(() => undefined),
        identify: (tx) => tx.connection.session.identify("ada"),
        rotate: (tx) => tx.connection.session.rotate(),
        destroy: (tx) => tx.connection.session.destroy("done"),
      };
      const done = new Journal();
      const { setting, peer } = await transactionServer(trial, {
        transaction(tx, message) {
          tx.update(({ n }) => ({ n: n + 1 }));
          tx.after(async () => {
            await effects[`${message}`]?.(tx);
            done.note(`${message}`);
          });
        },
      });
      peer.sendCounted("hang");
      peer.sendCounted("rotate");
      await done.until(1);
      peer.sendCounted("identify");
      await done.until(2);
      expect(setting.session()).toMatchObject({ subject: "ada", data: { n: 3 } });
      peer.sendCounted("destroy");
      expect((await peer.client.closed).code).toBe(4410);
      expect(done.entries.slice(0, 2)).toEqual(["rotate", "identify"]);
    },
  },
  {
    name: "I12 an effect that fails is reported, and the message stays applied",
    async run(trial) {
      const reported = new Journal<unknown>();
      const setting = await framedServer(
        trial,
        { onError: (error, { stage }) => reported.note([stage, error]) },
        {
          transaction(tx) {
            tx.patch({ n: 1 });
            tx.after(() => {
              throw new Error("at once");
            });
            tx.after(() => Promise.reject(new Error("later")));
          },
        },
      );
      const { peer } = await attachedPeer(setting);
      peer.sendCounted("go");
      await peer.until("applied");
      await reported.until(2);
      expect(reported.entries).toEqual([
        ["transaction", new Error("at once")],
        ["transaction", new Error("later")],
      ]);
      peer.sendCounted("go on");
      await peer.until("applied", ({ number }) => number === 2);
    },
  },
];

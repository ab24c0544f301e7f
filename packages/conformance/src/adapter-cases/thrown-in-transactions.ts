import { isSessionError, TransactionRefused } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { attachedPeer, framedServer, transactionServer } from "../framed-server.ts";
import { Journal } from "../waiting.ts";

/** An error whose members, prototype and brand can't be read. */
const unreadable = () =>
  new Proxy(new Error("unreadable"), {
    get() {
      throw new Error("a trap");
    },
    has() {
      throw new Error("a trap");
    },
    getPrototypeOf() {
      throw new Error("a trap");
    },
  });

/** A refusal with one member that can't be read, or has another type. */
function brokenRefusal(member: "code" | "message" | "detail", descriptor: PropertyDescriptor): unknown {
  return Object.defineProperty(new TransactionRefused("no"), member, descriptor);
}

const trap: PropertyDescriptor = {
  get() {
    throw new Error("a trap");
  },
};

/** An object whose member `then` is described by `descriptor`. */
function thenable(descriptor: PropertyDescriptor): object {
  // oxlint-disable-next-line unicorn/no-thenable -- handlers return such objects of other libraries
  return Object.defineProperty({}, "then", descriptor);
}

/** The values that the handler `transaction` may throw, and the parts of them that reach the client. */
export const thrownInTransactionCases: readonly AdapterCase[] = [
  {
    name: "I12 I21 a handler may throw any value: the client gets HANDLER_FAILED, the value is reported, and the next message is handled",
    async run(trial) {
      const thrown: readonly unknown[] = [
        undefined,
        null,
        "",
        "text",
        5,
        1n,
        Symbol("s"),
        () => 1,
        Object.create(null),
        Object.freeze(new Error("frozen")),
        Object.defineProperty(new Error("x"), "code", trap),
        Object.defineProperty(new Error("x"), "message", trap),
        Object.defineProperty(new Error("x"), "cause", trap),
        Object.defineProperty(new Error("x"), "name", trap),
        unreadable(),
        brokenRefusal("code", { value: 5 }),
        brokenRefusal("code", { value: undefined }),
        brokenRefusal("code", trap),
        brokenRefusal("code", { value: "" }),
        brokenRefusal("message", { value: 5 }),
        brokenRefusal("message", trap),
        brokenRefusal("detail", trap),
      ];
      const reported = new Journal<readonly [stage: string, error: unknown]>();
      const setting = await framedServer(
        trial,
        { onError: (error, { stage }) => reported.note([stage, error]) },
        {
          transaction(tx, message) {
            tx.patch({ n: 9 });
            const index = Number(`${message}`);
            if (index >= 0) throw thrown[index];
          },
        },
      );
      const { peer } = await attachedPeer(setting);
      for (const [index, value] of thrown.entries()) {
        peer.sendCounted(`${index}`);
        const told = await peer.until("refused");
        expect(told).toMatchObject({ number: index + 1, code: "HANDLER_FAILED" });
        await reported.until(index + 1);
        const [stage, error] = reported.entries[index] ?? [];
        expect([stage, Object.is(error, value)]).toEqual(["transaction", true]);
      }
      expect(setting.session().data).toEqual({ n: 0 });
      peer.sendCounted("-1");
      await peer.until("applied", ({ number }) => number === thrown.length + 1);
      expect(setting.session().data).toEqual({ n: 9 });
    },
  },
  {
    name: "I12 I21 a rejected promise, a thenable and a getter `then` that throws fail as a throw does",
    async run(trial) {
      const results: readonly (() => unknown)[] = [
        () => Promise.reject(),
        () => thenable({ value: (_: unknown, reject: (error: unknown) => void) => reject(new Error("x")) }),
        () => thenable({ value: trap.get }),
        () => thenable(trap),
        () =>
          thenable({
            value: (_: unknown, reject: (error: unknown) => void) =>
              setTimeout(reject, 1, new TransactionRefused("late")),
          }),
      ];
      const { setting, peer } = await transactionServer(trial, {
        transaction(tx, message) {
          tx.patch({ n: 9 });
          const fulfilled = thenable({ value: (resolve: () => void) => setTimeout(resolve, 1) });
          return results[Number(`${message}`)]?.() ?? fulfilled;
        },
      });
      const codes: string[] = [];
      for (const index of results.keys()) {
        peer.sendCounted(`${index}`);
        codes.push((await peer.until("refused")).code);
      }
      expect(codes).toEqual([...Array.from({ length: 4 }, () => "HANDLER_FAILED"), "late"]);
      expect(setting.session().data).toEqual({ n: 0 });
      peer.sendCounted("9");
      await peer.until("applied", ({ number }) => number === results.length + 1);
      expect(setting.session().data).toEqual({ n: 9 });
    },
  },
  {
    name: "I21 a staged change that can't be read when it is committed is refused with INVALID_DATA and reported, and the next message is handled",
    async run(trial) {
      const reported = new Journal<unknown>();
      const mine = new Error("a trap");
      const setting = await framedServer(
        trial,
        { onError: (error, { stage }) => reported.note([stage, error]) },
        {
          transaction(tx, message) {
            let isOver = false;
            const fields = new Proxy(
              { n: 9 },
              {
                ownKeys(target) {
                  if (isOver) throw mine;
                  return Reflect.ownKeys(target);
                },
              },
            );
            tx.patch(fields);
            tx.send("kept");
            isOver = `${message}` === "bad";
          },
        },
      );
      const { peer } = await attachedPeer(setting);
      peer.sendCounted("bad");
      expect(await peer.until("refused")).toMatchObject({ number: 1, code: "INVALID_DATA" });
      const error: unknown = expect.objectContaining({ code: "INVALID_DATA", cause: mine });
      expect(reported.entries).toEqual([["transaction", error]]);
      expect([setting.session().data, peer.kept]).toEqual([{ n: 0 }, []]);
      peer.sendCounted("good");
      await peer.until("applied", ({ number }) => number === 2);
      expect(setting.session().data).toEqual({ n: 9 });
    },
  },
  {
    name: "a detail that does not reach the client is reported as NOT_SERIALISABLE or TOO_LARGE, and the code and the message are sent",
    async run(trial) {
      const circular: Record<string, unknown> = {};
      circular["itself"] = circular;
      const throwing = {
        toJSON() {
          throw new Error("a trap");
        },
      };
      const cases: readonly (readonly [detail: unknown, code: string])[] = [
        [circular, "NOT_SERIALISABLE"],
        [1n, "NOT_SERIALISABLE"],
        [throwing, "NOT_SERIALISABLE"],
        [() => 1, "NOT_SERIALISABLE"],
        ["x".repeat(10_000_000), "TOO_LARGE"],
      ];
      const reported = new Journal<unknown>();
      const setting = await framedServer(
        trial,
        { onError: (error, { stage }) => reported.note([stage, isSessionError(error) && error.code]) },
        {
          transaction(_, message) {
            const [detail] = cases[Number(`${message}`)] ?? [];
            throw new TransactionRefused("no", { message: "not now", detail });
          },
        },
      );
      const { peer } = await attachedPeer(setting);
      for (const [index, [, code]] of cases.entries()) {
        peer.sendCounted(`${index}`);
        const told = await peer.until("refused");
        expect(told).toMatchObject({ number: index + 1, code: "no", message: "not now", detail: undefined });
        await reported.until(index + 1);
        expect(reported.entries[index]).toEqual(["transaction", code]);
      }
      peer.sendCounted("9");
      expect(await peer.until("refused")).toMatchObject({ code: "no", detail: undefined });
      peer.client.send(".?");
      await peer.until("beat");
      expect(reported.entries).toHaveLength(cases.length);
    },
  },
  {
    name: "a code and a message with any characters arrive unchanged, and a detail arrives as JSON represents it",
    async run(trial) {
      const refusals = [
        new TransactionRefused('"\u0000\n\u2028é😀', { message: "\u0000" }),
        new TransactionRefused("date", { detail: new Date(0) }),
        new TransactionRefused("null", { detail: null }),
        new TransactionRefused("false", { detail: false }),
        new TransactionRefused("undefined", { detail: undefined }),
        new TransactionRefused("x".repeat(128)),
      ];
      const { peer } = await transactionServer(trial, {
        transaction(_, message) {
          throw refusals[Number(`${message}`)];
        },
      });
      for (const [index, { code, message, detail }] of refusals.entries()) {
        peer.sendCounted(`${index}`);
        const told = await peer.until("refused");
        const expected: unknown = detail instanceof Date ? detail.toJSON() : detail;
        expect([told.code, told.message, told.detail]).toEqual([code, message, expected]);
      }
    },
  },
];

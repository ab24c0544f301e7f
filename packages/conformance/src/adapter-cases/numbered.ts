import { createSessions, mapStore } from "@wsession/core";
import { TransactionRefused } from "@wsession/protocol";
import type { Attach } from "@wsession/protocol";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { FramedPeer } from "../framed-peer.ts";
import { attachedPeer, framedServer } from "../framed-server.ts";
import type { Data } from "../framed-server.ts";
import { newClientId } from "../random-ids.ts";
import { deferred, delay, Journal } from "../waiting.ts";

/** Numbered messages of a client: handled at least once, in order, and acknowledged after the handler has settled. */
export const numberedCases: readonly AdapterCase[] = [
  {
    name: "I2 numbered messages are handled in order, one at a time, and acknowledged once their handler has settled",
    async run(trial) {
      const journal = new Journal();
      const setting = await framedServer(
        trial,
        {},
        {
          async message(_connection, data) {
            journal.note(`begin ${data}`);
            await delay(2);
            journal.note(`end ${data}`);
          },
        },
      );
      const { peer } = await attachedPeer(setting);
      for (const text of ["1", "2", "3"]) peer.sendCounted(text);
      await peer.until("applied", ({ number }) => number === 3);
      expect(journal.entries).toEqual(["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]);
      const acks = peer.frames.flatMap((frame) => (frame.type === "applied" ? [frame.number] : []));
      expect(acks).toEqual(acks.toSorted((a, b) => a - b));
      expect(peer.frames.findIndex(({ type }) => type === "applied")).toBeGreaterThan(0);
    },
  },
  {
    name: "a client may have 48 unsettled messages; one more ends the connection with 4400",
    async run(trial) {
      let release: (() => void) | undefined;
      const setting = await framedServer(
        trial,
        {},
        {
          message: () =>
            new Promise<void>((resolve) => {
              release = resolve;
            }),
        },
      );
      const { peer } = await attachedPeer(setting);
      for (let n = 1; n <= 48; n += 1) peer.sendCounted(`${n}`);
      peer.client.send(".?");
      await peer.until("beat");
      peer.sendCounted("49");
      const { code, reason } = await peer.client.closed;
      expect([code, reason]).toEqual([4400, "too many unsettled messages"]);
      release?.();
    },
  },
  {
    name: "I20 a client may have 256 KiB of unsettled messages, or a single longer message; more ends the connection with 4400",
    async run(trial) {
      const gates: (() => void)[] = [];
      const setting = await framedServer(
        trial,
        {},
        { message: () => new Promise<void>((resolve) => void gates.push(resolve)) },
      );
      const { peer } = await attachedPeer(setting);
      const quarter = "x".repeat(64 * 1024);
      for (let n = 1; n <= 4; n += 1) peer.sendCounted(quarter);
      peer.client.send(".?");
      await peer.until("beat");
      gates.shift()?.();
      await peer.until("applied");
      peer.sendCounted(quarter);
      peer.client.send(".?");
      await peer.until("beat");
      peer.sendCounted("x");
      const { code, reason } = await peer.client.closed;
      expect([code, reason]).toEqual([4400, "too many unsettled messages"]);
      for (const open of gates) open();
    },
  },
  {
    name: "messages for a session that is gone do not count against the limits of messages after the next attach, even if open is slow",
    async run(trial) {
      const handled: string[] = [];
      const { promise, resolve } = deferred();
      const message = (_connection: unknown, data: string | Uint8Array) => void handled.push(`${data}`);
      const setting = await framedServer(trial, {}, { open: () => promise, message });
      const peer = await setting.connect();
      peer.attach({ session: "gone" });
      for (let n = 1; n <= 32; n += 1) peer.sendCounted(`old ${n}`);
      const { session } = await peer.until("hello");
      peer.attach({ session });
      for (let n = 1; n <= 32; n += 1) peer.sendCounted(`${n}`);
      peer.client.send(".?");
      await peer.until("beat");
      resolve();
      await peer.until("applied", ({ number }) => number === 32);
      expect(handled).toEqual(Array.from({ length: 32 }, (_, index) => `${index + 1}`));
    },
  },
  {
    name: "a fast client sends thousands of messages within its window, and each is acknowledged",
    async run(trial) {
      let handled = 0;
      const setting = await framedServer(trial, {}, { message: () => void (handled += 1) });
      const { peer } = await attachedPeer(setting);
      let sent = 0;
      let settled = 0;
      while (settled < 2_000) {
        while (sent < 2_000 && sent - settled < 48) peer.sendCounted(`${(sent += 1)}`);
        settled = (await peer.until("applied")).number;
      }
      expect([handled, settled]).toEqual([2_000, 2_000]);
    },
  },
  {
    name: "messages that are sent before hello are handled after hello, with their numbers, in the session that attach names",
    async run(trial) {
      const handled = new Journal();
      const setting = await framedServer(
        trial,
        {},
        { message: (_connection, data) => handled.note(`${data}`) },
      );
      const { peer, token } = await attachedPeer(setting);
      peer.client.socket.terminate();
      const again = await setting.connect(token);
      again.comeBack(peer, { from: 5 });
      again.sendCounted("five");
      again.sendCounted("six");
      await again.until("applied", ({ number }) => number === 6);
      expect(again.frames[0]?.type).toBe("hello");
      expect(handled.entries).toEqual(["five", "six"]);
    },
  },
  {
    name: "I16 messages for another session are discarded until the client attaches again",
    async run(trial) {
      const handled = new Journal();
      const setting = await framedServer(
        trial,
        {},
        { message: (_connection, data) => handled.note(`${data}`) },
      );
      const peer = await setting.connect();
      peer.attach({ session: "gone", from: 7, at: { offset: 3, chain: 9 } });
      for (let n = 0; n < 20; n += 1) peer.sendCounted("for the old session");
      const { session, missed } = await peer.until("hello");
      expect(session).toBe(setting.session().id);
      expect(missed).toBeUndefined();
      peer.attach({ session, from: 1 });
      peer.sendCounted("for this one");
      await peer.until("applied", ({ number }) => number === 1);
      expect(handled.entries).toEqual(["for this one"]);
    },
  },
  {
    name: "a second attach settles the messages of an earlier client id, in its turn among the messages",
    async run(trial) {
      const handled = new Journal();
      const setting = await framedServer(
        trial,
        {},
        { message: (_connection, data) => handled.note(`${data}`) },
      );
      const { peer } = await attachedPeer(setting);
      const session = peer.hello?.session;
      peer.sendCounted("1");
      peer.attach({ client: newClientId(), session, from: 40 });
      peer.sendCounted("left over");
      await peer.until("applied", ({ number }) => number === 40);
      peer.attach({ client: peer.id, session, from: 2 });
      peer.sendCounted("2");
      await peer.until("applied", ({ number }) => number === 2);
      expect(handled.entries).toEqual(["1", "left over", "2"]);
      const told = peer.frames.flatMap((frame): (string | number)[] =>
        frame.type === "hello" ? ["hello"] : frame.type === "applied" ? [frame.number] : [],
      );
      expect(told).toEqual(["hello", 1, "hello", 40, "hello", 2]);
    },
  },
  {
    name: "I12 a message whose handler fails is refused before the close with 1011, so that no client sends it for ever",
    async run(trial) {
      const setting = await framedServer(
        trial,
        {},
        {
          message(_connection, data) {
            if (data === "poison") throw new Error("mine");
          },
        },
      );
      const { peer } = await attachedPeer(setting);
      peer.sendCounted("good");
      peer.sendCounted("poison");
      peer.sendCounted("behind");
      expect(await peer.until("applied")).toMatchObject({ number: 1 });
      expect(await peer.until("refused")).toMatchObject({ number: 2, code: "HANDLER_FAILED" });
      expect((await peer.client.closed).code).toBe(1011);
    },
  },
  {
    name: "a message that is refused as invalid is answered with that code, and later messages are handled",
    async run(trial) {
      const journal = new Journal();
      const setting = await framedServer(
        trial,
        {},
        {
          message(_connection, data) {
            journal.note(`${data}`);
            if (data === "wrong")
              throw new TransactionRefused("INVALID_MESSAGE", { message: "not an order" });
            return data === "late" ? Promise.reject(new TransactionRefused("INVALID_MESSAGE")) : undefined;
          },
        },
      );
      const { peer } = await attachedPeer(setting);
      for (const text of ["1", "wrong", "3", "late", "5"]) peer.sendCounted(text);
      await peer.until("applied", ({ number }) => number === 5);
      expect(journal.entries).toEqual(["1", "wrong", "3", "late", "5"]);
      const refused = peer.frames.filter(({ type }) => type === "refused");
      expect(refused).toMatchObject([
        { number: 2, code: "INVALID_MESSAGE", message: "not an order" },
        { number: 4, code: "INVALID_MESSAGE" },
      ]);
      expect(setting.sessions.diagnostics.messagesRefused).toBe(2);
    },
  },
  {
    name: "a message whose handler failed because the store was unavailable is not settled: the client sends it again",
    async run(trial) {
      const setting = await framedServer(
        trial,
        {},
        {
          message() {
            throw Object.assign(new Error("away"), { name: "SessionError", code: "STORE_UNAVAILABLE" });
          },
        },
      );
      const { peer } = await attachedPeer(setting);
      peer.sendCounted("x");
      expect((await peer.client.closed).code).toBe(4503);
      expect(peer.client.received.map((frame) => `${frame}`.slice(0, 2))).toEqual([".h"]);
    },
  },
  {
    name: "I14 before hello a client without a session may send no numbered message, and a client with a session 32 messages or 64 KiB; more ends the connection with 4400",
    async run(trial) {
      const sessions = createSessions<Data>({ store: mapStore(), onError: () => undefined });
      const server = await trial.serve(sessions, {});
      const end = async (attach: Partial<Attach>, frames: readonly string[]) => {
        const peer = await FramedPeer.connect(trial, server);
        peer.attach(attach);
        for (const text of frames) peer.sendCounted(text);
        const { code, reason } = await peer.client.closed;
        return `${code} ${reason}`;
      };
      expect(await end({}, ["x"])).toBe("4400 numbered messages wait for hello");
      const named = { session: "another" };
      expect(
        await end(
          named,
          Array.from({ length: 33 }, () => "x"),
        ),
      ).toBe("4400 too much before hello");
      expect(await end(named, ["x".repeat(40_000), "y".repeat(40_000)])).toBe("4400 too much before hello");
    },
  },
];

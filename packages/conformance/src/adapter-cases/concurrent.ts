import { createSessions } from "@wsession/core";
import { TransactionRefused } from "@wsession/protocol";
import { expect } from "vitest";
import type { AdapterCase, AdapterTrial } from "../adapter-trial.ts";
import { attachedPeer, framedServer } from "../framed-server.ts";
import { deferred, Journal, macrotask } from "../waiting.ts";
import type { Deferred } from "../waiting.ts";

/** Handlers that begin at once, and settle when the case settles them. */
class ControlledHandlers {
  readonly journal = new Journal();
  readonly #open = new Map<string, Deferred<void>>();

  readonly message = async (_connection: unknown, data: string | Uint8Array): Promise<void> => {
    const text = String(data);
    const settled = deferred();
    this.#open.set(text, settled);
    this.journal.note(`begin ${text}`);
    await settled.promise;
    this.journal.note(`end ${text}`);
  };

  async settle(text: string): Promise<void> {
    this.#open.get(text)?.resolve();
    await this.journal.until((entry) => entry === `end ${text}`);
  }

  fail(text: string, error: unknown): void {
    this.#open.get(text)?.reject(error);
  }
}

async function serveRaw(trial: AdapterTrial, handlers: ControlledHandlers, options: object = {}) {
  const errors: unknown[] = [];
  const sessions = createSessions({
    maxConcurrentMessages: 2,
    onError: (error) => errors.push(error),
    initial: () => ({}),
    ...options,
  });
  const server = await trial.serve(sessions, {
    message: handlers.message,
    close: (_connection, { code }) => handlers.journal.note(`close ${code}`),
  });
  return { server, errors, client: await trial.connect(server) };
}

/** What `maxConcurrentMessages` above 1 changes, and what it does not. */
export const concurrentCases: readonly AdapterCase[] = [
  {
    name: "maxConcurrentMessages: handlers begin in order, that many at once, and a cancel overtakes the message that it cancels",
    async run(trial) {
      const handlers = new ControlledHandlers();
      const { client } = await serveRaw(trial, handlers);
      for (const text of ["search", "cancel", "third"]) client.send(text);
      await handlers.journal.until(2);
      await client.roundTrip();
      await handlers.settle("cancel");
      await handlers.journal.until(4);
      expect(handlers.journal.entries).toEqual(["begin search", "begin cancel", "end cancel", "begin third"]);
      await handlers.settle("search");
      await handlers.settle("third");
    },
  },
  {
    name: "maxConcurrentMessages: I1 messages wait for open and for the session, and begin in order",
    async run(trial) {
      const handlers = new ControlledHandlers();
      const opened = deferred();
      const sessions = createSessions({ maxConcurrentMessages: 8 });
      const server = await trial.serve(sessions, {
        async open(connection) {
          await opened.promise;
          await connection.setSession({});
          handlers.journal.note("set");
        },
        message: handlers.message,
      });
      const client = await trial.connect(server);
      for (const text of ["1", "2", "3"]) client.send(text);
      await client.roundTrip();
      opened.resolve();
      await handlers.journal.until(4);
      expect(handlers.journal.entries).toEqual(["set", "begin 1", "begin 2", "begin 3"]);
      for (const text of ["3", "2", "1"]) await handlers.settle(text);
    },
  },
  {
    name: "maxConcurrentMessages: I4 close waits for all handlers that run, and comes once",
    async run(trial) {
      const handlers = new ControlledHandlers();
      const { client } = await serveRaw(trial, handlers);
      for (const text of ["1", "2", "3"]) client.send(text);
      await handlers.journal.until(2);
      client.socket.close(4001);
      await client.closed;
      await handlers.settle("2");
      await handlers.journal.until(4);
      await handlers.settle("3");
      await macrotask();
      expect(handlers.journal.entries.slice(2)).toEqual(["end 2", "begin 3", "end 3"]);
      await handlers.settle("1");
      await handlers.journal.until(7);
      expect(handlers.journal.entries.slice(5)).toEqual(["end 1", "close 4001"]);
    },
  },
  {
    name: "maxConcurrentMessages: after handlerTimeoutMs close no longer waits for handlers that run, and the rest is discarded",
    async run(trial) {
      const handlers = new ControlledHandlers();
      const { client } = await serveRaw(trial, handlers, { handlerTimeoutMs: 30 });
      for (const text of ["1", "2", "3"]) client.send(text);
      await handlers.journal.until(2);
      client.socket.close(4001);
      await handlers.journal.until(3);
      await handlers.settle("1");
      await handlers.settle("2");
      await macrotask();
      expect(handlers.journal.entries).toEqual(["begin 1", "begin 2", "close 4001", "end 1", "end 2"]);
    },
  },
  {
    name: "maxConcurrentMessages: I12 a handler that fails ends the connection with 1011; the others run on, and no message begins",
    async run(trial) {
      const handlers = new ControlledHandlers();
      const { client, errors } = await serveRaw(trial, handlers);
      for (const text of ["1", "2", "3"]) client.send(text);
      await handlers.journal.until(2);
      handlers.fail("2", new Error("of the handler"));
      expect((await client.closed).code).toBe(1011);
      await handlers.settle("1");
      await handlers.journal.until(4);
      expect(handlers.journal.entries).toEqual(["begin 1", "begin 2", "end 1", "close 1011"]);
      expect(errors).toEqual([expect.objectContaining({ message: "of the handler" })]);
    },
  },
  {
    name: "maxConcurrentMessages: I3 inbox limits the messages that wait behind the running handlers",
    async run(trial) {
      const handlers = new ControlledHandlers();
      const { client } = await serveRaw(trial, handlers, { inbox: { maxMessages: 4 } });
      for (let n = 1; n <= 7; n += 1) client.send(`${n}`);
      expect(await client.closed).toEqual({ code: 1013, reason: "too many messages waiting" });
      expect(handlers.journal.entries).toEqual(["begin 1", "begin 2"]);
      await handlers.settle("1");
      await handlers.settle("2");
    },
  },
  {
    name: "maxConcurrentMessages: numbered messages are acknowledged in order, each after its handler and all before have settled",
    async run(trial) {
      const handlers = new ControlledHandlers();
      const setting = await framedServer(trial, { maxConcurrentMessages: 3 }, { message: handlers.message });
      const { peer } = await attachedPeer(setting);
      for (const text of ["1", "2", "3", "4"]) peer.sendCounted(text);
      await handlers.journal.until(3);
      await handlers.settle("3");
      await handlers.journal.until(5);
      await handlers.settle("2");
      peer.client.send(".?");
      await peer.until("beat");
      expect(peer.frames.filter(({ type }) => type === "applied")).toEqual([]);
      await handlers.settle("1");
      expect(await peer.until("applied")).toEqual({ type: "applied", number: 3 });
      await handlers.settle("4");
      expect(await peer.until("applied")).toEqual({ type: "applied", number: 4 });
    },
  },
  {
    name: "maxConcurrentMessages: a numbered message that is refused, or whose handler fails, is settled after the earlier ones",
    async run(trial) {
      const handlers = new ControlledHandlers();
      const errors: unknown[] = [];
      const setting = await framedServer(
        trial,
        { maxConcurrentMessages: 3, onError: (error) => errors.push(error) },
        { message: handlers.message },
      );
      const { peer } = await attachedPeer(setting);
      for (const text of ["1", "2", "3"]) peer.sendCounted(text);
      await handlers.journal.until(3);
      handlers.fail("2", new TransactionRefused("INVALID_MESSAGE"));
      handlers.fail("3", new Error("of the handler"));
      peer.client.send(".?");
      await peer.until("beat");
      expect(peer.frames.filter(({ type }) => type === "applied" || type === "refused")).toEqual([]);
      await handlers.settle("1");
      expect((await peer.client.closed).code).toBe(1011);
      const settled: unknown[] = [];
      for (const frame of peer.client.received.map(String)) if (/^\.[+!]/.test(frame)) settled.push(frame);
      expect(settled).toEqual([
        ".+1",
        expect.stringMatching(/^\.!2.*INVALID_MESSAGE/),
        expect.stringMatching(/^\.!3.*HANDLER_FAILED/),
      ]);
      expect(errors).toHaveLength(2);
    },
  },
  {
    name: "maxConcurrentMessages: a transaction runs alone, after the earlier handlers and before the later messages",
    async run(trial) {
      const handlers = new ControlledHandlers();
      const committing = deferred();
      const setting = await framedServer(
        trial,
        { maxConcurrentMessages: 4 },
        {
          message: handlers.message,
          async transaction(transaction, data) {
            handlers.journal.note(`transaction ${String(data)}`);
            await committing.promise;
            transaction.send(`effect of ${String(data)}`);
          },
        },
      );
      const { peer } = await attachedPeer(setting);
      peer.sendPlain("1");
      peer.sendPlain("2");
      peer.sendCounted("3");
      peer.sendPlain("4");
      peer.client.send(".?");
      await peer.until("beat");
      await handlers.settle("2");
      expect(handlers.journal.entries).toEqual(["begin 1", "begin 2", "end 2"]);
      await handlers.settle("1");
      await handlers.journal.until(5);
      peer.client.send(".?");
      await peer.until("beat");
      expect(handlers.journal.entries.slice(4)).toEqual(["transaction 3"]);
      committing.resolve();
      await handlers.journal.until(6);
      expect(handlers.journal.entries.slice(5)).toEqual(["begin 4"]);
      await handlers.settle("4");
    },
  },
  {
    name: "maxConcurrentMessages: a further attach waits for the handlers that run, so that their acks are for the numbers of the earlier attach",
    async run(trial) {
      const handlers = new ControlledHandlers();
      const setting = await framedServer(trial, { maxConcurrentMessages: 4 }, { message: handlers.message });
      const { peer } = await attachedPeer(setting);
      peer.sendCounted("old 1");
      peer.sendCounted("old 2");
      peer.attach({ session: peer.hello?.session });
      peer.sendCounted("new 1");
      await handlers.journal.until(2);
      await handlers.settle("old 2");
      await handlers.settle("old 1");
      await handlers.journal.until(5);
      await handlers.settle("new 1");
      await peer.until("hello");
      expect(await peer.until("applied")).toEqual({ type: "applied", number: 1 });
      const answers = peer.frames.flatMap((frame) =>
        frame.type === "applied" ? [`applied ${frame.number}`] : frame.type === "hello" ? ["hello"] : [],
      );
      expect(answers).toEqual(["hello", "applied 2", "hello", "applied 1"]);
    },
  },
];

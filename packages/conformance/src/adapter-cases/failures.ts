import { createSessions, inConnectionStore, mapStore } from "@wsession/core";
import type { Stage } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { Journal, until } from "../waiting.ts";

interface Reported {
  readonly stage: Stage;
  readonly message: string;
  readonly connected: boolean;
}

/** A log of the errors that `onError` received, with the option that fills the log. */
function reports(): Journal<Reported> & {
  readonly onError: (error: unknown, context: { stage: Stage; connection?: unknown }) => void;
} {
  const journal = new Journal<Reported>();
  return Object.assign(journal, {
    onError: (error: unknown, { stage, connection }: { stage: Stage; connection?: unknown }) =>
      journal.note({
        stage,
        message: error instanceof Error ? error.message : String(error),
        connected: connection !== undefined,
      }),
  });
}

const WAYS = ["throws", "rejects", "returns what can't be waited for"] as const;

const fails = (how: (typeof WAYS)[number], message: string): Promise<void> => {
  if (how === "throws") throw new Error(message);
  if (how === "rejects") return Promise.reject(new Error(message));
  // oxlint-disable-next-line unicorn/no-thenable -- the case is about thenables
  return Object.defineProperty(Promise.resolve(), "then", {
    get() {
      throw new Error(message);
    },
  });
};

/** Errors of handlers close their own connection and affect nothing else (I12). */
export const failureCases: readonly AdapterCase[] = [
  ...WAYS.map((how): AdapterCase => ({
    name: `I12 an open that ${how} closes its connection with 1011, and onError gets the error`,
    async run(trial) {
      const reported = reports();
      const journal = new Journal();
      const sessions = createSessions({ initial: () => ({ n: 0 }), onError: reported.onError });
      const server = await trial.serve(sessions, {
        open: () => fails(how, "open failed"),
        message: (_, text) => journal.note(`${text}`),
        close: (_, { code }) => journal.note(`close ${code}`),
      });
      const client = await trial.connect(server, "/", { atOpen: (socket) => socket.send("x") });
      expect((await client.closed).code).toBe(1011);
      await journal.until(1);
      expect(journal.entries).toEqual(["close 1011"]);
      expect(reported.entries).toEqual([{ stage: "open", message: "open failed", connected: true }]);
    },
  })),
  ...WAYS.map((how): AdapterCase => ({
    name: `I12 a message handler that ${how} closes its connection with 1011, and no other`,
    async run(trial) {
      const reported = reports();
      const journal = new Journal();
      const sessions = createSessions({ initial: () => ({ n: 0 }), onError: reported.onError });
      const server = await trial.serve(sessions, {
        message(connection, text) {
          journal.note(`${text}`);
          return text === "bad" ? fails(how, "message failed") : void connection.send(text);
        },
        close: (_, { code }) => journal.note(`close ${code}`),
      });
      const bystander = await trial.connect(server);
      const client = await trial.connect(server);
      client.send("bad");
      client.send("after it");
      expect((await client.closed).code).toBe(1011);
      await journal.until(2);
      bystander.send("fine");
      expect(await bystander.next()).toBe("fine");
      expect(journal.entries).toEqual(["bad", "close 1011", "fine"]);
      expect(reported.entries).toEqual([{ stage: "message", message: "message failed", connected: true }]);
    },
  })),
  ...WAYS.map((how): AdapterCase => ({
    name: `I12 if a close handler ${how}, onError gets the error, and the shutdown continues`,
    async run(trial) {
      const reported = reports();
      const sessions = createSessions({ initial: () => ({ n: 0 }), onError: reported.onError });
      const server = await trial.serve(sessions, { close: () => fails(how, "close failed") });
      const client = await trial.connect(server);
      client.socket.close();
      await reported.until(1);
      expect(reported.entries).toEqual([{ stage: "close", message: "close failed", connected: true }]);
      await sessions.close();
    },
  })),
  ...WAYS.map((how): AdapterCase => ({
    name: `I12 a change handler that ${how} closes its connection with 1011; the write that caused the call stays applied`,
    async run(trial) {
      const reported = reports();
      const store = mapStore();
      const sessions = createSessions({ store, initial: () => ({ n: 0 }), onError: reported.onError });
      const server = await trial.serve(sessions, { change: () => fails(how, "change failed") });
      const client = await trial.connect(server);
      const [[id] = [""]] = [...store];
      const session = await sessions.get(id);
      await session?.patch({ n: 5 });
      expect((await client.closed).code).toBe(1011);
      expect(reported.entries).toEqual([{ stage: "change", message: "change failed", connected: true }]);
      expect([...store]).toEqual([[id, { n: 5 }]]);
    },
  })),
  ...WAYS.map((how): AdapterCase => ({
    name: `I12 a drain handler that ${how} closes its connection with 1011, and onError gets the error`,
    async run(trial) {
      const reported = reports();
      const sessions = createSessions({ initial: () => ({ n: 0 }), onError: reported.onError });
      const server = await trial.serve(sessions, {
        message(connection) {
          while (connection.send("x".repeat(1 << 20)) === "sent");
        },
        drain: () => fails(how, "drain failed"),
      });
      const client = await trial.connect(server);
      client.send("fill");
      expect((await client.closed).code).toBe(1011);
      expect(reported.entries).toEqual([{ stage: "drain", message: "drain failed", connected: true }]);
    },
  })),
  {
    name: "handlers that are methods of a class are called with their instance as `this`",
    async run(trial) {
      const store = mapStore();
      const sessions = createSessions({
        store,
        initial: () => ({ n: 0 }),
        absoluteMs: 60_000,
        expiringMs: 59_950,
      });
      const journal = new Journal();
      class Room {
        readonly #name = "room";
        change(): void {
          journal.note(`${this.#name} change`);
        }
        expiring(): void {
          journal.note(`${this.#name} expiring`);
        }
      }
      const server = await trial.serve(sessions, new Room());
      await trial.connect(server);
      const [[id] = [""]] = [...store];
      await (await sessions.get(id))?.patch({ n: 1 });
      await journal.until(2);
      expect(journal.entries.toSorted()).toEqual(["room change", "room expiring"]);
    },
  },
  ...WAYS.map((how): AdapterCase => ({
    name: `I12 an expiring handler that ${how} closes its connection with 1011, and onError gets the error`,
    async run(trial) {
      const reported = reports();
      const sessions = createSessions({
        store: mapStore(),
        initial: () => ({ n: 0 }),
        absoluteMs: 60_000,
        expiringMs: 59_950,
        onError: reported.onError,
      });
      const server = await trial.serve(sessions, { expiring: () => fails(how, "expiring failed") });
      const client = await trial.connect(server);
      expect((await client.closed).code).toBe(1011);
      expect(reported.entries).toEqual([{ stage: "expiring", message: "expiring failed", connected: true }]);
    },
  })),
  {
    name: "I12 a drain handler that throws closes its connection, and onError gets the error, also if open queued the message",
    async run(trial) {
      const reported = reports();
      const sessions = createSessions({ initial: () => ({ n: 0 }), onError: reported.onError });
      const server = await trial.serve(sessions, {
        open(connection) {
          for (let sent = 0; sent < 500 && connection.send(Buffer.alloc(65_536)) === "sent"; sent += 1);
        },
        drain() {
          throw new Error("drain failed");
        },
      });
      const client = await trial.connect(server);
      expect((await client.closed).code).toBe(1011);
      expect(reported.entries).toEqual([{ stage: "drain", message: "drain failed", connected: true }]);
    },
  },
  ...WAYS.map((how): AdapterCase => ({
    name: `I12 an onError that ${how} itself has no effect on the connection`,
    async run(trial) {
      const sessions = createSessions({
        initial: () => ({ n: 0 }),
        onError: (): unknown => fails(how, "onError failed"),
      });
      const server = await trial.serve(sessions, {
        message() {
          throw new Error("message failed");
        },
      });
      const client = await trial.connect(server);
      client.send("x");
      expect((await client.closed).code).toBe(1011);
      const next = await trial.connect(server);
      await next.roundTrip();
    },
  })),
  {
    name: "I12 a transport that answers with a promise is answered with 500, onError gets the error, and no session is left behind",
    async run(trial) {
      const reported = reports();
      const store = mapStore();
      const sessions = createSessions({
        store,
        transport: ({ url }) => (url === "/rejects" ? fails("rejects", "late") : Promise.resolve("late")),
        initial: () => ({ n: 0 }),
        onError: reported.onError,
      });
      const server = await trial.serve(sessions, {});
      for (const path of ["/rejects", "/resolves"])
        expect((await trial.refused(server, { path })).status).toBe(500);
      const message = "transport must be synchronous";
      const report = { stage: "transport", message, connected: false };
      expect(reported.entries).toEqual([report, report]);
      await until(() => store.size === 0);
    },
  },
  ...(["admit", "initial", "transport"] as const).flatMap((stage) =>
    (stage === "transport" ? (["throws"] as const) : (["throws", "rejects"] as const)).map(
      (how): AdapterCase => ({
        name: `if ${stage} ${how}, the handshake is answered with 500, onError gets the error, and no session is left behind`,
        async run(trial) {
          const reported = reports();
          const journal = new Journal();
          const store = mapStore();
          const fail = () => fails(how, `${stage} failed`).then(() => expect.unreachable());
          const sessions = createSessions<{ n: number }>({
            store,
            initial: stage === "initial" ? fail : () => ({ n: 0 }),
            onError: reported.onError,
            ...(stage === "admit" ? { admit: fail } : {}),
            ...(stage === "transport" ? { transport: fail } : {}),
          });
          const server = await trial.serve(sessions, {
            open: () => journal.note("open"),
            close: () => journal.note("close"),
          });
          const { status } = await trial.refused(server);
          expect(status).toBe(500);
          expect(reported.entries).toEqual([{ stage, message: `${stage} failed`, connected: false }]);
          expect(journal.entries).toEqual([]);
          expect(store.size).toBe(0);
        },
      }),
    ),
  ),
  ...[inConnectionStore, mapStore].map((make): AdapterCase => ({
    name: `if the schema refuses the data of initial, the handshake is answered with 500, and open is not called without a session (${make.name})`,
    async run(trial) {
      const journal = new Journal();
      const reported = reports();
      const sessions = createSessions<{ n: number }>({
        store: make(),
        initial: () => ({ n: -1 }),
        onError: reported.onError,
        schema: {
          "~standard": {
            version: 1,
            vendor: "conformance",
            validate: () => ({ issues: [{ message: "never" }] }),
          },
        },
      });
      const server = await trial.serve(sessions, { open: () => journal.note("open") });
      expect((await trial.refused(server)).status).toBe(500);
      expect(journal.entries).toEqual([]);
      expect(reported.entries).toEqual([
        { stage: "initial", message: "the data does not satisfy the schema at the top", connected: false },
      ]);
    },
  })),
];

import { createSessions, mapStore, SessionError } from "@wsession/core";
import type { CloseInfo, Connection, ErrorContext, Stage } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase, AdapterTrial } from "../adapter-trial.ts";
import { frame, Opcode } from "../raw-client.ts";
import { attachedPeer, framedServer } from "../framed-server.ts";
import { deferred, Journal, macrotask, until } from "../waiting.ts";

type Data = { readonly n: number };

interface Reported {
  readonly stage: Stage;
  readonly message: string;
}

/** A log of the errors that `onError` received, with the option that fills the log. */
function reports() {
  const journal = new Journal<Reported>();
  const onError = (error: unknown, { stage }: { readonly stage: Stage }) =>
    journal.note({ stage, message: error instanceof Error ? error.message : String(error) });
  return { reported: journal, onError };
}

const LEAVING = 20;

/** Handlers that are interrupted in different ways by a client that leaves during `open`. */
const cutShort: Readonly<Record<string, (connection: Connection<Data>, left: Promise<void>) => unknown>> = {
  "waits for the session": (connection) => connection.ready(),
  "sets the session afterwards": async (connection, left) => {
    await left;
    await connection.setSession({ n: 1 });
  },
  "does not wait for ready()": (connection) => void connection.ready(),
  "does not wait for what comes after ready()": (connection) =>
    void connection.ready().then(({ data }) => connection.send(`${data.n}`)),
  "does not wait for setSession()": async (connection, left) => {
    await left;
    void connection.setSession({ n: 1 });
  },
  "wraps the error of ready() in an error of its own": async (connection) => {
    await connection.ready().catch((cause: unknown) => {
      throw new Error("the login failed", { cause });
    });
  },
};

/** Twenty clients connect, and leave during `open`. */
async function comeAndLeave(
  trial: AdapterTrial,
  open: (connection: Connection<Data>, left: Promise<void>) => unknown,
) {
  const { reported, onError } = reports();
  const opened = new Journal<number>();
  const closed = new Journal<number>();
  const sessions = createSessions<Data>({ store: mapStore(), onError });
  const left = new Map<Connection<Data>, () => void>();
  const server = await trial.serve(sessions, {
    open(connection) {
      const gone = deferred();
      left.set(connection, gone.resolve);
      opened.note(1);
      return open(connection, gone.promise);
    },
    close: () => closed.note(1),
  });
  for (let count = 1; count <= LEAVING; count += 1) {
    const client = await trial.connect(server);
    await opened.until(count);
    client.socket.terminate();
  }
  await until(() => sessions.connections.size === 0);
  for (const resolve of left.values()) resolve();
  await closed.until(LEAVING);
  return { reported, sessions };
}

/**
 * Mistakes of the application are reported, misbehaviour of clients is counted, and no unawaited promise ends
 * the process (I12).
 */
export const reportingCases: readonly AdapterCase[] = [
  ...Object.entries(cutShort).map(([how, open]): AdapterCase => ({
    name: `fault F2: clients that leave during an open that ${how} are counted, and not reported`,
    async run(trial) {
      const { reported, sessions } = await comeAndLeave(trial, open);
      await until(() => sessions.diagnostics.handlersCutShort === LEAVING);
      expect(reported.entries).toEqual([]);
    },
  })),
  {
    name: "fault F2: a mistake in an open whose client has left is reported",
    async run(trial) {
      const { reported, sessions } = await comeAndLeave(trial, async (_, left) => {
        await left;
        throw new TypeError("a typo");
      });
      await reported.until(LEAVING);
      const mistakes = Array.from({ length: LEAVING }, () => ({ stage: "open", message: "a typo" }));
      expect(reported.entries).toEqual(mistakes);
      expect(sessions.diagnostics.handlersCutShort).toBe(0);
    },
  },
  {
    name: "fault F2: a message handler that fails only because its session was destroyed meanwhile is not reported",
    async run(trial) {
      const { reported, onError } = reports();
      const sessions = createSessions({ store: mapStore(), initial: () => ({ n: 0 }), onError });
      const server = await trial.serve(sessions, {
        async message({ session }) {
          await sessions.destroy(session.id);
          await session.patch({ n: 1 });
        },
        close: ({ session }) => session.patch({ n: 2 }),
      });
      const client = await trial.connect(server);
      client.send("x");
      expect((await client.closed).code).toBe(4410);
      await until(() => sessions.diagnostics.handlersCutShort === 2);
      expect(reported.entries).toEqual([]);
    },
  },
  {
    name: "fault F2: a handler that fails with FENCED because its connection was replaced meanwhile is not reported",
    async run(trial) {
      const { reported, onError } = reports();
      const store = mapStore();
      const sessions = createSessions({
        store,
        exclusive: true,
        initial: () => ({ n: 0 }),
        token: { read: ({ url }) => (url === "/" ? undefined : url.slice(1)) },
        onError,
      });
      const replaced = deferred();
      const tokens = new Journal<string>();
      const server = await trial.serve(sessions, {
        open: ({ token }) => {
          if (token !== undefined) tokens.note(token);
        },
        async message({ session }) {
          await replaced.promise;
          await session.patch({ n: 1 });
        },
      });
      const first = await trial.connect(server);
      first.send("x");
      await tokens.until(1);
      await trial.connect(server, `/${tokens.entries[0]}`);
      expect((await first.closed).code).toBe(4409);
      replaced.resolve();
      await until(() => sessions.diagnostics.handlersCutShort === 1);
      expect(reported.entries).toEqual([]);
    },
  },
  {
    name: "fault F2: a client that never logs in while open waits for the session is closed with 4408, and not reported",
    async run(trial) {
      const { reported, onError } = reports();
      const sessions = createSessions<Data>({ early: { timeoutMs: 50 }, onError });
      const server = await trial.serve(sessions, { open: (connection) => connection.ready() });
      const client = await trial.connect(server);
      expect((await client.closed).code).toBe(4408);
      expect(reported.entries).toEqual([]);
    },
  },
  {
    name: "I12 fault F3: an unawaited write that the store refuses ends its connection with 4503, and is reported once",
    async run(trial) {
      const { reported, onError } = reports();
      const store = mapStore();
      const sessions = createSessions({ store, initial: () => ({ n: 0 }), onError });
      const server = await trial.serve(sessions, {
        message({ session }, text) {
          if (text === "ping") return;
          for (let n = 0; n < 3; n += 1) void session.patch({ n });
        },
      });
      const bystander = await trial.connect(server);
      const client = await trial.connect(server);
      const away = new SessionError("STORE_UNAVAILABLE", "away", { outcome: "not-applied" });
      Object.assign(store, { write: () => Promise.reject(away) });
      client.send("x");
      expect((await client.closed).code).toBe(4503);
      await bystander.roundTrip();
      expect(reported.entries).toEqual([{ stage: "unhandled", message: "away" }]);
    },
  },
  {
    name: "fault F3: a write that is awaited later, or caught, is not reported",
    async run(trial) {
      const { reported, onError } = reports();
      const store = mapStore();
      const sessions = createSessions({ store, initial: () => ({ n: 0 }), onError });
      const server = await trial.serve(sessions, {
        async message(connection) {
          const { session } = connection;
          const written = session.patch({ n: 1 });
          await Promise.resolve();
          const outcomes = await Promise.allSettled([written, session.set({ n: 2 })]);
          await session.patch({ n: 3 }).catch(() => undefined);
          await session.patch({ n: 3 }).then(undefined, () => undefined);
          await session
            .patch({ n: 3 })
            .then(() => 1)
            .catch(() => undefined);
          await macrotask();
          connection.send(outcomes.map(({ status }) => status).join());
        },
      });
      const client = await trial.connect(server);
      Object.assign(store, { write: () => Promise.reject(new Error("away")) });
      client.send("x");
      expect(await client.next()).toBe("rejected,rejected");
      await client.roundTrip();
      expect(reported.entries).toEqual([]);
    },
  },
  {
    name: "a message of client.send without a handler is refused, counted, and reported to the programmer once",
    async run(trial) {
      const { reported, onError } = reports();
      const setting = await framedServer(trial, { onError });
      for (let n = 1; n <= 2; n += 1) {
        const { peer } = await attachedPeer(setting);
        peer.sendCounted("1");
        peer.sendPlain("2");
        peer.sendCounted("3");
        expect(await peer.until("refused", ({ number }) => number === 2)).toMatchObject({
          code: "HANDLER_FAILED",
        });
        expect(peer.frames.map(({ type }) => type)).not.toContain("applied");
      }
      expect(reported.entries).toEqual([
        { stage: "message", message: expect.stringContaining("transaction") },
      ]);
      expect(setting.sessions.diagnostics.messagesUnhandled).toBe(6);
      expect(setting.sessions.connections.size).toBe(2);
    },
  },
  {
    name: "a plain message to a server that has only the handler transaction is counted, and reported to the programmer once",
    async run(trial) {
      const { reported, onError } = reports();
      const handled = new Journal<string>();
      const transaction = (_: unknown, data: string | Uint8Array) => handled.note(`${data}`);
      const setting = await framedServer(trial, { onError }, { transaction });
      const { peer } = await attachedPeer(setting);
      peer.sendPlain("plain");
      peer.sendCounted("counted");
      await peer.until("applied", ({ number }) => number === 1);
      const raw = await setting.connectRaw();
      raw.send("raw");
      await until(() => setting.sessions.diagnostics.messagesUnhandled === 2);
      expect(handled.entries).toEqual(["counted"]);
      expect(reported.entries).toEqual([{ stage: "message", message: expect.stringContaining("message") }]);
    },
  },
  {
    name: "a raw message to a server that takes no messages is neither reported nor counted: anybody can send one",
    async run(trial) {
      const { reported, onError } = reports();
      const setting = await framedServer(trial, { onError });
      const raw = await setting.connectRaw();
      raw.send("hello");
      raw.socket.close();
      await until(() => setting.sessions.diagnostics.connectionsClosed === 1);
      expect(reported.entries).toEqual([]);
      expect(setting.sessions.diagnostics.messagesUnhandled).toBe(0);
    },
  },
  {
    name: "fault F1: a client's protocol error is counted, and reported once with the stage client and the connection, to an explicit onError only",
    async run(trial) {
      const contexts: ErrorContext[] = [];
      const closed = deferred<CloseInfo>();
      const sessions = createSessions({
        initial: () => ({ n: 0 }),
        onError: (_, context) => void contexts.push(context),
      });
      const server = await trial.serve(sessions, { close: (_, info) => closed.resolve(info) });
      const client = await trial.rawUpgraded(server);
      await until(() => sessions.connections.size === 1);
      const [connection] = [...sessions.connections];
      // A text frame that is not valid UTF-8 (RFC 6455 section 8.1).
      client.write(frame(Buffer.of(0xff), { opcode: Opcode.Text }));
      // No close frame came, so no reason came either: a text of the runtime's own is not the peer's.
      expect(await closed.promise).toEqual({ code: 1006, reason: "", by: "server" });
      expect(contexts.map(({ stage }) => stage)).toEqual(["client"]);
      expect(contexts[0]?.connection?.id).toBe(connection?.id);
      expect(sessions.diagnostics.clientErrors).toBe(1);
    },
  },
];

import { createSessions, isSessionError, mapStore } from "@wsession/core";
import type { Connection, SessionsOptions } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase, AdapterTrial } from "../adapter-trial.ts";
import { deferred, delay, Journal } from "../waiting.ts";

type Data = { readonly n: number };

/** A connection of a client, on which the application has set no session. */
async function opened(trial: AdapterTrial, options: SessionsOptions<Data> = {}) {
  const first = deferred<Connection<Data>>();
  const closed = deferred();
  const sessions = createSessions<Data>(options);
  const server = await trial.serve(sessions, {
    open: (connection) => first.resolve(connection),
    close: () => closed.resolve(),
  });
  const client = await trial.connect(server);
  return { client, connection: await first.promise, closed };
}

const codeOf = (error: unknown): unknown => (isSessionError(error) ? error.code : error);

/** `ready()` always settles (I6). */
export const readyCases: readonly AdapterCase[] = [
  {
    name: "I6 ready() in open resolves when the session is set inside open",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions<Data>({ store: mapStore() });
      const server = await trial.serve(sessions, {
        async open(connection) {
          const waiting = connection.ready();
          void connection.setSession({ n: 1 });
          journal.note(`ready ${(await waiting).data.n}`);
        },
        message: (_, text) => journal.note(`${text}`),
      });
      await trial.connect(server, "/", { atOpen: (socket) => socket.send("hello") });
      await journal.until(2);
      expect(journal.entries).toEqual(["ready 1", "hello"]);
    },
  },
  {
    name: "I6 all calls of ready() resolve when other code sets the session, and later calls at once",
    async run(trial) {
      const { connection } = await opened(trial);
      const waiting = [
        connection.ready(),
        connection.ready({ timeoutMs: Infinity }),
        connection.ready({ timeoutMs: 0 }),
      ];
      const session = await connection.setSession({ n: 7 });
      expect(await Promise.all(waiting)).toEqual([session, session, session]);
      expect(await connection.ready()).toBe(connection.session);
    },
  },
  {
    name: "I6 ready() resolves at once if initial has set the session",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({ initial: () => ({ n: 3 }) });
      const server = await trial.serve(sessions, {
        open: async (connection) => journal.note(`${(await connection.ready()).data.n}`),
      });
      await trial.connect(server);
      await journal.until(1);
      expect(journal.entries).toEqual(["3"]);
    },
  },
  {
    name: "I6 ready() rejects with CONNECTION_CLOSED when the peer goes, and after it has gone",
    async run(trial) {
      const { client, connection, closed } = await opened(trial);
      const waiting = connection.ready({ timeoutMs: Infinity }).catch(codeOf);
      client.socket.terminate();
      expect(await waiting).toBe("CONNECTION_CLOSED");
      await closed.promise;
      expect(await connection.ready().catch(codeOf)).toBe("CONNECTION_CLOSED");
    },
  },
  {
    name: "I6 ready() rejects when our side closes or terminates the connection",
    async run(trial) {
      const sessions = createSessions<Data>();
      const failures = new Journal<unknown>();
      const server = await trial.serve(sessions, {
        open(connection, { url }) {
          connection.ready().catch((error: unknown) => failures.note(codeOf(error)));
          if (url === "/close") connection.close(4000);
          else connection.terminate();
        },
      });
      await trial.connect(server, "/close");
      await trial.connect(server, "/terminate").catch(() => undefined);
      await failures.until(2);
      expect(failures.entries).toEqual(["CONNECTION_CLOSED", "CONNECTION_CLOSED"]);
    },
  },
  {
    name: "I6 ready() rejects with READY_TIMEOUT after timeoutMs, and the connection stays open",
    async run(trial) {
      const { client, connection } = await opened(trial);
      expect(await connection.ready({ timeoutMs: 20 }).catch(codeOf)).toBe("READY_TIMEOUT");
      await connection.setSession({ n: 1 });
      expect((await connection.ready()).data.n).toBe(1);
      await client.roundTrip();
    },
  },
  {
    name: "I6 ready() with no time left rejects at once, and with a timeoutMs that is not a number throws",
    async run(trial) {
      const { connection } = await opened(trial, { early: { timeoutMs: 0 } });
      for (const timeoutMs of [-5, -Infinity])
        expect(await connection.ready({ timeoutMs }).catch(codeOf)).toBe("READY_TIMEOUT");
      expect(() => void connection.ready({ timeoutMs: Number.NaN })).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
      await connection.setSession({ n: 1 });
      expect((await connection.ready({ timeoutMs: -5 })).data.n).toBe(1);
    },
  },
  {
    name: "I6 ready() rejects with the signal's own reason, whether it aborts later or had aborted before",
    async run(trial) {
      const { connection } = await opened(trial);
      const reason = new Error("changed my mind");
      const abort = new AbortController();
      const waiting = connection.ready({ signal: abort.signal }).catch((error: unknown) => error);
      abort.abort(reason);
      expect(await waiting).toBe(reason);
      expect(await connection.ready({ signal: abort.signal }).catch((error: unknown) => error)).toBe(reason);
      const session = await connection.setSession({ n: 1 });
      expect(await connection.ready({ signal: new AbortController().signal })).toBe(session);
    },
  },
  {
    name: "I6 setSession after close rejects with CONNECTION_CLOSED and stores nothing",
    async run(trial) {
      const store = mapStore();
      const closed = deferred<Connection<Data>>();
      const sessions = createSessions<Data>({ store });
      const server = await trial.serve(sessions, { close: (connection) => closed.resolve(connection) });
      const client = await trial.connect(server);
      client.socket.close();
      const connection = await closed.promise;
      expect(await connection.setSession({ n: 1 }).catch(codeOf)).toBe("CONNECTION_CLOSED");
      expect(connection.session).toBeUndefined();
      expect(store.size).toBe(0);
    },
  },
  {
    name: "setSession twice keeps one session, and the last one wins",
    async run(trial) {
      const store = mapStore();
      const { connection } = await opened(trial, { store });
      const [first, second] = await Promise.all([
        connection.setSession({ n: 1 }),
        connection.setSession({ n: 2 }),
      ]);
      expect(second).toBe(first);
      await delay(0);
      expect(connection.session?.data).toEqual({ n: 2 });
      expect(store.size).toBe(1);
    },
  },
];

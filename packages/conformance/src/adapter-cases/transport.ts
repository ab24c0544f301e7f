import { createSessions, mapStore } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { deferred, Journal } from "../waiting.ts";

/** The record of the transport layer, which is independent of the session (I5). */
export const transportCases: readonly AdapterCase[] = [
  {
    name: "I5 the transport record and the session never overwrite one another",
    async run(trial) {
      const closed = deferred<Connection<{ n: number }, { lower: string }, never>>();
      const sessions = createSessions<{ n: number }, { lower: string }>({
        store: mapStore(),
        initial: () => ({ n: 1 }),
        transport: ({ url }) => ({ lower: url }),
      });
      const journal = new Journal<unknown>();
      const server = await trial.serve(sessions, {
        async message(connection) {
          connection.transport.data = { lower: "changed" };
          journal.note({ ...connection.session.data });
          await connection.session.set({ n: 2 });
          journal.note({ ...connection.transport.data });
        },
        close: (connection) => closed.resolve(connection),
      });
      const client = await trial.connect(server, "/lower");
      const [connection] = [...sessions.connections];
      expect(connection?.transport.data).toEqual({ lower: "/lower" });
      client.send("x");
      await journal.until(2);
      expect(journal.entries).toEqual([{ n: 1 }, { lower: "changed" }]);
      client.socket.close();
      const after = await closed.promise;
      expect(after.transport.data).toEqual({ lower: "changed" });
      expect(after.session.data).toEqual({ n: 2 });
    },
  },
  {
    name: "I5 the connection works with any data in the transport record: names of methods, null, a frozen object",
    async run(trial) {
      const hostile: readonly unknown[] = [
        { send: "shadow", close: 1, end: 2, ping: 3, wsession: 4, getUserData: 5, readyState: 6 },
        null,
        Object.freeze({}),
        Symbol("x"),
      ];
      for (const data of hostile) {
        const sessions = createSessions({ initial: () => ({ n: 0 }), transport: () => data });
        const server = await trial.serve(sessions, {
          message: (connection, text) => void connection.send(text),
        });
        const client = await trial.connect(server);
        client.send("works");
        expect(await client.next()).toBe("works");
        const [connection] = [...sessions.connections];
        expect(connection?.transport.data).toBe(data);
        connection?.close(4000);
        expect((await client.closed).code).toBe(4000);
      }
    },
  },
  {
    name: "the transport record has the peer's address and the time of the opening, also after close",
    async run(trial) {
      const before = Date.now();
      const closed = deferred<Connection<{ n: number }, unknown, never>>();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, { close: (connection) => closed.resolve(connection) });
      const client = await trial.connect(server);
      client.socket.close();
      const { transport } = await closed.promise;
      expect(transport.remoteAddress).toBe("127.0.0.1");
      expect(transport.encrypted).toBe(false);
      expect(transport.openedAt).toBeGreaterThanOrEqual(before);
      expect(transport.openedAt).toBeLessThanOrEqual(Date.now());
    },
  },
];

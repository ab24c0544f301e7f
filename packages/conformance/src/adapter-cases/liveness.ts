import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { frame, Opcode } from "../raw-client.ts";
import { SlowLine } from "../slow-line.ts";
import { deferred, Journal, until } from "../waiting.ts";

const MIB = 1024 * 1024;
const HEARTBEAT_MS = 400;

/**
 * How live peers are distinguished from dead peers: received data, progress of written data, and connections that this
 * side has closed.
 */
export const livenessCases: readonly AdapterCase[] = [
  ...(["one message", "many messages"] as const).map((what): AdapterCase => ({
    name: `heartbeatMs does not end a peer that steadily reads ${what} of 8 MiB over a slow line (fault C1)`,
    applies: ({ fragments = true }) => fragments || what === "many messages",
    async run(trial) {
      const sessions = createSessions({ initial: () => ({ n: 0 }), heartbeatMs: HEARTBEAT_MS });
      const size = what === "one message" ? 8 * MIB : 8 * 1024;
      const server = await trial.serve(sessions, {
        message(connection) {
          for (let sent = 0; sent < 8 * MIB; sent += size) connection.send(new Uint8Array(size).fill(7));
        },
      });
      const line = await SlowLine.to(server.port, 4 * MIB);
      try {
        const client = await trial.connect({ ...server, port: line.port });
        client.send("all of it");
        for (let arrived = 0; arrived < 8 * MIB;) {
          const message = await client.next();
          expect(Buffer.alloc(size, 7).equals(Buffer.from(message))).toBe(true);
          arrived += message.length;
        }
        await client.roundTrip();
        expect(sessions.connections.size).toBe(1);
      } finally {
        line.close();
      }
    },
  })),
  {
    name: "a long text that is written in fragments arrives whole, between messages in order",
    async run(trial) {
      const sessions = createSessions({ initial: () => ({ n: 0 }), heartbeatMs: HEARTBEAT_MS });
      const long = "ü€😀x".repeat(60_000);
      const server = await trial.serve(sessions, {
        message(connection) {
          connection.send("before");
          connection.send(long);
          connection.send("after");
        },
      });
      const client = await trial.connect(server);
      client.send("go");
      expect([await client.next(), await client.next(), await client.next()]).toEqual([
        "before",
        long,
        "after",
      ]);
    },
  },
  {
    name: "heartbeatMs ends with 1006 a peer that keeps its socket open and reads nothing of 24 MiB (fault C1)",
    async run(trial) {
      const closed = new Journal<number>();
      const sessions = createSessions({
        initial: () => ({ n: 0 }),
        heartbeatMs: HEARTBEAT_MS,
        maxBufferedBytes: 64 * MIB,
      });
      const server = await trial.serve(sessions, {
        message: (connection) => connection.send(new Uint8Array(24 * MIB)),
        close: (_, { code }) => closed.note(code),
      });
      const client = await trial.rawUpgraded(server);
      client.socket.pause();
      client.write(frame("all of it"));
      await closed.until(1);
      expect(closed.entries).toEqual([1006]);
    },
  },
  {
    name: "a connection that this side has ended no longer counts as live, even if its peer answers nothing (fault C8)",
    async run(trial) {
      const closed = new Journal();
      const store = mapStore();
      const sessions = createSessions({
        store,
        token: queryToken(),
        exclusive: true,
        initial: () => ({ n: 0 }),
      });
      const server = await trial.serve(sessions, {
        close: (connection, { code, by }) => closed.note(`${connection.id} ${code} ${by}`),
      });
      const { session, token } = await sessions.create({ n: 1 });
      const old = await trial.rawUpgraded(server, { path: `/?token=${token}` });
      old.socket.pause();
      await until(() => sessions.connections.size === 1);
      const [first] = sessions.connections;
      const newcomer = await trial.connect(server, `/?token=${token}`);
      await newcomer.roundTrip();
      const [second] = sessions.connections;
      expect(sessions.connections.size).toBe(1);
      expect(server.binding.size).toBe(1);
      expect([...session.connections].map(({ id }) => id)).toEqual([second?.id]);
      expect((await sessions.presence(session.id)).connections).toBe(1);
      await closed.until(1);
      expect(closed.entries).toEqual([`${first?.id} 4409 server`]);
      expect(sessions.connections.size).toBe(1);
      newcomer.socket.close();
      await until(() => sessions.connections.size === 0);
      expect((await sessions.presence(session.id)).connections).toBe(0);
      expect(sessions.diagnostics).toMatchObject({ connectionsOpened: 2, connectionsClosed: 2 });
    },
  },
  {
    name: "after destroy() nothing of a peer that ignores the close frame is handled, and its socket ends soon (fault A6)",
    async run(trial) {
      const journal = new Journal();
      const opened = deferred<Connection<{ n: number }, unknown, never>>();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        open: (connection) => opened.resolve(connection),
        message: (_, text) => journal.note(`${text}`),
        close: (_, { code }) => journal.note(`close ${code}`),
      });
      const client = await trial.rawUpgraded(server);
      client.write(frame("before"));
      await journal.until(1);
      await (await opened.promise).session.destroy();
      const flood = setInterval(() => client.write(frame("after"), frame("", { opcode: Opcode.Ping })), 20);
      try {
        await client.closed;
      } finally {
        clearInterval(flood);
      }
      await journal.until(2);
      expect(journal.entries).toEqual(["before", "close 4410"]);
    },
  },
  {
    name: "messages that were sent before close() arrive over a slow line, and then the close frame",
    async run(trial) {
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        message(connection) {
          connection.send(new Uint8Array(10 * MIB));
          connection.close(4001, "that was all");
        },
      });
      const line = await SlowLine.to(server.port, 4 * MIB);
      try {
        const client = await trial.connect({ ...server, port: line.port });
        client.send("all of it");
        expect((await client.next()).length).toBe(10 * MIB);
        expect(await client.closed).toEqual({ code: 4001, reason: "that was all" });
      } finally {
        line.close();
      }
    },
  },
];

import { createSessions, isSessionError, mapStore, queryToken } from "@wsession/core";
import type { Connection, Sessions, SessionsOptions } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase, AdapterTrial } from "../adapter-trial.ts";
import { deferred, Journal, until } from "../waiting.ts";

type Data = { readonly n: number; readonly note?: string };
type Conn = Connection<Data, unknown, never>;

const codeOf = (error: unknown): unknown => (isSessionError(error) ? error.code : error);

const resumable = (
  options: Pick<SessionsOptions<Data>, "exclusive" | "maxConnectionsPerSession"> = {},
): Sessions<Data, unknown, never> =>
  createSessions<Data>({ store: mapStore(), token: queryToken(), initial: () => ({ n: 0 }), ...options });

/** A server whose sessions allow two connections, and the first connection of such a session. */
async function twoAtMost(trial: AdapterTrial) {
  const opened = new Journal<Conn>();
  const sessions = resumable({ maxConnectionsPerSession: 2 });
  const server = await trial.serve(sessions, { open: (connection) => opened.note(connection) });
  const first = await trial.connect(server);
  await opened.until(1);
  return { opened, server, first, path: `/?token=${opened.entries[0]?.token}` };
}

/** Sessions from the point of view of their connections. */
export const sessionCases: readonly AdapterCase[] = [
  {
    name: "I8 two connections of one session share its state; change is called for the connection that did not write",
    async run(trial) {
      const journal = new Journal();
      const opened = new Journal<Conn>();
      const sessions = resumable();
      const server = await trial.serve(sessions, {
        open: (connection) => opened.note(connection),
        async message(connection) {
          await connection.session.patch({ n: connection.session.data.n + 1 });
          journal.note(`wrote ${connection.session.data.n}`);
        },
        change: (connection, data) => journal.note(`${opened.entries.indexOf(connection)} got ${data.n}`),
      });
      const first = await trial.connect(server);
      await opened.until(1);
      await trial.connect(server, `/?token=${opened.entries[0]?.token}`);
      await opened.until(2);
      first.send("x");
      await journal.until(2);
      expect(new Set(journal.entries)).toEqual(new Set(["1 got 1", "wrote 1"]));
      expect(opened.entries.map(({ session }) => session.data.n)).toEqual([1, 1]);
      expect(new Set(opened.entries[0]?.session.connections)).toEqual(new Set(opened.entries));
    },
  },
  {
    name: "I7 get, refresh and update return an acknowledged write, wherever they are called",
    async run(trial) {
      const opened = deferred<Conn>();
      const sessions = createSessions<Data>({ store: mapStore(), initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, { open: (connection) => opened.resolve(connection) });
      await trial.connect(server);
      const { session } = await opened.promise;
      await session.patch({ n: 1, note: "x" });
      const elsewhere = await sessions.get(session.id);
      expect(elsewhere?.data).toEqual({ n: 1, note: "x" });
      await elsewhere?.patch({ note: undefined });
      expect(await session.refresh()).toEqual({ n: 1 });
      expect(await session.update((data) => ({ n: data.n + 10 }))).toEqual({ n: 11 });
      expect(session.version).toBe(4);
    },
  },
  {
    name: "exclusive: a newer connection takes the session over, the older one is closed with 4409 and writes no more (I13)",
    async run(trial) {
      const opened = new Journal<Conn>();
      const closed = new Journal<number>();
      const sessions = resumable({ exclusive: true });
      const server = await trial.serve(sessions, {
        open: (connection) => opened.note(connection),
        close: (_, { code }) => closed.note(code),
      });
      const first = await trial.connect(server);
      await opened.until(1);
      const second = await trial.connect(server, `/?token=${opened.entries[0]?.token}`);
      expect((await first.closed).code).toBe(4409);
      await opened.until(2);
      await closed.until(1);
      expect(await opened.entries[0]?.session.patch({ n: 1 }).catch(codeOf)).toBe("FENCED");
      await opened.entries[1]?.session.patch({ n: 2 });
      await second.roundTrip();
      expect(opened.entries[1]?.session.data.n).toBe(2);
      expect(closed.entries).toEqual([4409]);
    },
  },
  {
    name: "maxConnectionsPerSession: above the limit the oldest connection is closed with 4409",
    async run(trial) {
      const { server, first, path } = await twoAtMost(trial);
      const second = await trial.connect(server, path);
      await second.roundTrip();
      const third = await trial.connect(server, path);
      expect((await first.closed).code).toBe(4409);
      await Promise.all([second.roundTrip(), third.roundTrip()]);
    },
  },
  {
    name: "maxConnectionsPerSession: a connection that is closing does not count",
    async run(trial) {
      const { opened, server, first, path } = await twoAtMost(trial);
      // This peer does not answer the close frame.
      await trial.rawUpgraded(server, { path });
      await opened.until(2);
      opened.entries[1]?.close();
      const third = await trial.connect(server, path);
      await Promise.all([first.roundTrip(), third.roundTrip()]);
    },
  },
  {
    name: "I9 a destroy by other code closes every connection of the session with 4410 and its reason, for good",
    async run(trial) {
      const opened = new Journal<Conn>();
      const closed = new Journal<string>();
      const sessions = resumable();
      const server = await trial.serve(sessions, {
        open: (connection) => opened.note(connection),
        close: (connection, { code, reason }) =>
          closed.note(`${code} ${reason} ${connection.session.data.n}`),
      });
      const first = await trial.connect(server);
      await opened.until(1);
      const [{ session, token } = expect.unreachable()] = opened.entries;
      const second = await trial.connect(server, `/?token=${token}`);
      await opened.until(2);
      expect(await sessions.destroy(session.id, "signed out")).toEqual({
        destroyed: 1,
        closed: 2,
        unreachable: [],
      });
      expect(await first.closed).toEqual({ code: 4410, reason: "signed out" });
      expect(await second.closed).toEqual({ code: 4410, reason: "signed out" });
      await closed.until(2);
      expect(closed.entries).toEqual(["4410 signed out 0", "4410 signed out 0"]);
      for (const late of [
        () => session.patch({ n: 1 }),
        () => session.set({ n: 1 }),
        () => session.update(({ n }) => ({ n: n + 1 })),
        () => session.touch(),
        () => session.refresh(),
      ]) {
        expect(await late().catch(codeOf)).toBe("SESSION_GONE");
      }
      expect(await session.destroy()).toBe(false);
      expect(await sessions.get(session.id)).toBeUndefined();
      await trial.connect(server, `/?token=${token}`);
      await opened.until(3);
      expect(opened.entries[2]?.resumed).toBe(false);
    },
  },
  {
    name: "destroy with a reason that is too long for a close frame sends the part of the reason that fits",
    async run(trial) {
      const sessions = createSessions<Data>({ store: mapStore(), initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {});
      const client = await trial.connect(server);
      const [connection] = [...sessions.connections];
      await connection?.session.destroy("ü".repeat(100));
      expect(await client.closed).toEqual({ code: 4410, reason: "ü".repeat(61) });
    },
  },
  {
    name: "a silent connection whose session expires is closed with 4419",
    async run(trial) {
      const closed = new Journal<number>();
      const store = mapStore();
      const sessions = createSessions<Data>({ store, initial: () => ({ n: 0 }), idleMs: 60 });
      const server = await trial.serve(sessions, { close: (_, { code }) => closed.note(code) });
      const client = await trial.connect(server);
      expect((await client.closed).code).toBe(4419);
      await closed.until(1);
      expect(closed.entries).toEqual([4419]);
      expect([...store]).toEqual([]);
    },
  },
  {
    name: "a silent connection that keeps its own session is closed with 4419 when the session expires",
    async run(trial) {
      const sessions = createSessions<Data>({ initial: () => ({ n: 0 }), idleMs: 60 });
      const server = await trial.serve(sessions, {});
      const client = await trial.connect(server);
      expect((await client.closed).code).toBe(4419);
    },
  },
  {
    name: "expiring is called before the absolute deadline; extend moves the deadline, otherwise 4419 follows",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions<Data>({
        store: mapStore(),
        initial: () => ({ n: 0 }),
        absoluteMs: 400,
        expiringMs: 300,
      });
      let extended = 0;
      const server = await trial.serve(sessions, {
        async expiring(connection, remainingMs) {
          journal.note(remainingMs > 0 && remainingMs <= 300 ? "expiring" : `${remainingMs} ms`);
          extended += 1;
          if (extended === 1) await connection.session.extend();
        },
        close: (_, { code }) => journal.note(`close ${code}`),
      });
      const started = performance.now();
      const client = await trial.connect(server);
      expect((await client.closed).code).toBe(4419);
      expect(performance.now() - started).toBeGreaterThan(400);
      await journal.until((entry) => entry.startsWith("close"));
      expect(journal.entries.at(0)).toBe("expiring");
      expect(journal.entries.at(-1)).toBe("close 4419");
    },
  },
  {
    name: "two servers on one sessions object share its sessions, each with handlers of its own",
    async run(trial) {
      const journal = new Journal();
      const opened = deferred<Conn>();
      const sessions = resumable();
      const one = await trial.serve(sessions, {
        open: (connection) => opened.resolve(connection),
        change: (_, data) => journal.note(`one got ${data.n}`),
      });
      const two = await trial.serve(sessions, {
        async message(connection) {
          await connection.session.patch({ n: 9 });
          journal.note("two wrote");
        },
      });
      const first = await trial.connect(one);
      const connection = await opened.promise;
      const second = await trial.connect(two, `/?token=${connection.token}`);
      second.send("x");
      await journal.until(2);
      expect(new Set(journal.entries)).toEqual(new Set(["one got 9", "two wrote"]));
      expect([one.binding.size, two.binding.size, sessions.connections.size]).toEqual([1, 1, 2]);
      await two.binding.close();
      expect((await second.closed).code).toBe(1012);
      await until(() => sessions.connections.size === 1);
      await first.roundTrip();
    },
  },
];

import { createSessions, mapStore, queryToken, SessionError } from "@wsession/core";
import type { Awaitable, Connection, Handlers, SessionStore } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase, AdapterTrial } from "../adapter-trial.ts";
import { deferred, Journal, until } from "../waiting.ts";

type Data = { readonly n: number };
type Conn = Connection<Data, unknown, never>;

/** Two connections of one session in a store in this process. */
async function pair(trial: AdapterTrial, handlers: Handlers<Data, unknown, never>, onError?: () => void) {
  const opened = new Journal<Conn>();
  const sessions = createSessions<Data>({
    store: mapStore(),
    token: queryToken(),
    initial: () => ({ n: 0 }),
    ...(onError === undefined ? {} : { onError }),
  });
  const server = await trial.serve(sessions, {
    ...handlers,
    open: (connection) => opened.note(connection),
  });
  const first = await trial.connect(server);
  await opened.until(1);
  const second = await trial.connect(server, `/?token=${opened.entries[0]?.token}`);
  await opened.until(2);
  return { sessions, opened: opened.entries, first, second };
}

/**
 * A store that answers asynchronously and keeps sessions only as long as their connections, as third-party
 * stores may.
 */
function slowStore(gate: Promise<unknown>): SessionStore & { readonly inner: Iterable<unknown> } {
  const inner = mapStore();
  const later = async <Answer>(answer: () => Awaitable<Answer>): Promise<Answer> => {
    await gate;
    return answer();
  };
  return {
    inner,
    capabilities: { ...inner.capabilities, resumable: false },
    attach: () => undefined,
    create: (request) => later(() => inner.create(request)),
    resume: () => ({ type: "missing" }),
    load: (id) => later(() => inner.load(id)),
    write: (request) => later(() => inner.write(request)),
    touch: (id, idleMs, absoluteMs) => later(() => inner.touch(id, idleMs, absoluteMs)),
    rotate: (request) => later(() => inner.rotate(request)),
    destroy: (id, reason, confirm) => later(() => inner.destroy(id, reason, confirm)),
    release: (id) => later(async () => void (await inner.destroy(id, undefined, false))),
    ids: () => inner.ids(),
    bySubject: (subject) => inner.bySubject(subject),
    destroySubject: (subject, reason) => inner.destroySubject(subject, reason),
    presence: (id) => inner.presence(id),
    close: () => inner.close(),
  };
}

/** The order of handlers relative to the application's own code. */
export const orderCases: readonly AdapterCase[] = [
  {
    name: "fault E3: change handlers run after the code that wrote, and before its await, never inside it",
    async run(trial) {
      const journal = new Journal();
      const { opened, first } = await pair(trial, {
        async message({ session }, kind) {
          const writing =
            kind === "set"
              ? session.set({ n: 1 })
              : kind === "patch"
                ? session.patch({ n: 2 })
                : session.update(({ n }) => ({ n: n + 1 }));
          journal.note(`${String(kind)} called`);
          await writing;
          journal.note(`${String(kind)} done`);
        },
        change: (_, { n }) => journal.note(`change ${n}`),
      });
      for (const kind of ["set", "patch", "update"]) first.send(kind);
      await journal.until(9);
      expect(journal.entries).toEqual([
        ...["set called", "change 1", "set done"],
        ...["patch called", "change 2", "patch done"],
        ...["update called", "change 3", "update done"],
      ]);
      expect(opened.map(({ session }) => session.data.n)).toEqual([3, 3]);
    },
  },
  {
    name: "fault E3: changes of one tick make one call of change, for each connection that did not make all of them itself",
    async run(trial) {
      const journal = new Journal();
      const { opened } = await pair(trial, {
        change: (connection, { n }) => journal.note(`${opened.indexOf(connection)} ${n}`),
      });
      const [one = expect.unreachable(), two = expect.unreachable()] = opened;
      const add = ({ n }: Data) => ({ n: n + 1 });
      await Promise.all([one.session.update(add), two.session.update(add), one.session.update(add)]);
      expect(journal.entries.toSorted()).toEqual(["0 3", "1 3"]);
      await Promise.all([one.session.update(add), one.session.update(add)]);
      expect(journal.entries.slice(2)).toEqual(["1 5"]);
    },
  },
  {
    name: "fault E3: close handlers and onError run after the code that closed, destroyed or wrote, never inside it",
    async run(trial) {
      const journal = new Journal();
      const { opened, first } = await pair(
        trial,
        {
          change() {
            journal.note("change");
            throw new Error("mine");
          },
          close: (connection) => journal.note(`close ${opened.indexOf(connection)}`),
        },
        () => journal.note("onError"),
      );
      const [one = expect.unreachable(), two = expect.unreachable()] = opened;
      void one.session.patch({ n: 1 });
      journal.note("patch called");
      await journal.until((entry) => entry === "close 1");
      expect(journal.entries).toEqual(["patch called", "change", "onError", "close 1"]);
      expect(two.session.data.n).toBe(1);
      const destroying = one.session.destroy();
      journal.note("destroy called");
      await destroying;
      await journal.until((entry) => entry === "close 0");
      expect(journal.entries.slice(4)).toEqual(["destroy called", "close 0"]);
      await first.closed;
    },
  },
  {
    name: "fault E3: close() and terminate() return before the close handler of their connection runs",
    async run(trial) {
      const journal = new Journal();
      const { opened } = await pair(trial, {
        close: (connection) => journal.note(`close ${opened.indexOf(connection)}`),
      });
      opened[0]?.close();
      opened[1]?.terminate();
      journal.note("both called");
      await journal.until(3);
      expect(journal.entries[0]).toBe("both called");
    },
  },
  {
    name: "fault E4: a store creates the session of a connection slowly: open has the session, and messages wait",
    async run(trial) {
      const journal = new Journal();
      const gate = deferred();
      const store = slowStore(gate.promise);
      const sessions = createSessions<Data>({ store, initial: () => ({ n: 7 }) });
      const server = await trial.serve(sessions, {
        open: ({ session }) => journal.note(`open ${session.data.n}`),
        async message({ session }, text) {
          const { n } = await session.update((data) => ({ n: data.n + 1 }));
          journal.note(`${String(text)} ${n}`);
        },
        close: ({ session }) => journal.note(`close ${session.data.n}`),
      });
      const client = await trial.connect(server, "/", { atOpen: (socket) => socket.send("early") });
      await client.roundTrip();
      expect(journal.entries).toEqual([]);
      gate.resolve();
      await journal.until(2);
      client.send("late");
      await journal.until(3);
      client.socket.close();
      await journal.until(4);
      expect(journal.entries).toEqual(["open 7", "early 8", "late 9", "close 9"]);
      await sessions.close();
      expect([...store.inner]).toEqual([]);
    },
  },
  {
    name: "fault E4: if the client leaves before its session exists, neither open nor close is called, and nothing is left",
    async run(trial) {
      const journal = new Journal();
      const gate = deferred();
      const store = slowStore(gate.promise);
      const sessions = createSessions<Data>({ store, initial: () => ({ n: 7 }) });
      const server = await trial.serve(sessions, {
        open: () => journal.note("open"),
        close: () => journal.note("close"),
      });
      const client = await trial.connect(server);
      client.socket.terminate();
      await until(() => sessions.connections.size === 0);
      gate.resolve();
      await sessions.close();
      expect(journal.entries).toEqual([]);
      expect([...store.inner]).toEqual([]);
    },
  },
  {
    name: "fault E4: if such a store fails, the connection ends with 4503, onError gets the error, and no handler is called",
    async run(trial) {
      const journal = new Journal();
      const store = slowStore(Promise.resolve());
      store.create = () => Promise.reject(new SessionError("STORE_UNAVAILABLE", "away"));
      const sessions = createSessions<Data>({
        store,
        initial: () => ({ n: 7 }),
        onError: (_, { stage }) => journal.note(stage),
      });
      const server = await trial.serve(sessions, {
        open: () => journal.note("open"),
        close: () => journal.note("close"),
      });
      const client = await trial.connect(server);
      expect((await client.closed).code).toBe(4503);
      await sessions.close();
      expect(journal.entries).toEqual(["initial"]);
    },
  },
];

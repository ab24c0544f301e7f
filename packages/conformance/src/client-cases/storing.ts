import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import { outcomeOf, shortOf, TabStorage } from "../client-trial.ts";
import type { ClientCase, ClientTrial } from "../client-trial.ts";
import type { ScriptedServer } from "../scripted-server.ts";

/** A page with a storage that has read offset 1, and was closed by the browser with "a" sent and "b" and "c" not settled. */
async function page(trial: ClientTrial) {
  const storage = new TabStorage();
  const server = await trial.listen();
  const { client, until } = trial.connect(server, { storage });
  const peer = await server.peer();
  const { client: id } = await peer.attach();
  peer.hello({ mark: 7 });
  peer.kept(10, "one");
  await until("message");
  for (const message of ["a", "b", "c"]) void client.send(message);
  for (const message of ["a", "b", "c"]) strictEqual(await peer.frame(), `=${message}`);
  peer.send(".+1");
  await peer.roundTrip();
  // A page leaves the state that is stored at this moment, because no code runs when a browser ends the page.
  const left = storage.copy();
  await client.close();
  return { server, left, id };
}

async function reload(trial: ClientTrial, server: ScriptedServer, storage: TabStorage) {
  const watched = trial.connect(server, { storage });
  const peer = await server.peer();
  return { ...watched, peer, attach: await peer.attach() };
}

export const storingCases: readonly ClientCase[] = [
  {
    name: "a reloaded page continues at its position, and settles the messages that the page before it left, under the id of that page",
    async run(trial) {
      const { server, left, id } = await page(trial);
      const { client, peer, attach, of, until } = await reload(trial, server, left);
      deepStrictEqual(
        [attach.client, attach.session, attach.from, attach.known, attach.mark, attach.at, attach.fresh],
        [id, "s1", 2, 1, 7, { offset: 1, chain: 10 }, true],
      );
      strictEqual(await peer.frame(), "=b");
      strictEqual(await peer.frame(), "=c");
      const fresh = client.send("d");
      peer.hello({ resumed: true, mark: 7, at: { offset: 1, chain: 10 } });
      await peer.roundTrip();
      deepStrictEqual(peer.untaken, [], "the next stream waits until the one before it is settled");
      peer.send('.!2{"code":"NO"}');
      peer.send(".+3");
      const own = await peer.attach();
      notStrictEqual(own.client, id);
      deepStrictEqual([own.session, own.from, own.known, own.at], ["s1", 1, 0, undefined]);
      peer.hello({ resumed: true, mark: 7, at: { offset: 1, chain: 10 } });
      strictEqual(await peer.frame(), "=d");
      peer.send(".+1");
      strictEqual(await outcomeOf(fresh), "applied");
      await until("leftover", ({ data }) => data === "c");
      deepStrictEqual(
        of("leftover").map(({ data, error }) => [data, error === undefined ? "applied" : shortOf(error)]),
        [
          ["b", "NO not-applied"],
          ["c", "applied"],
        ],
      );
    },
  },
  {
    name: "an ack of messages that hello has settled is not taken for numbers of the next stream",
    async run(trial) {
      const { server, left } = await page(trial);
      const { client, peer } = await reload(trial, server, left);
      const refused = client.send("d");
      void client.send("e");
      const applied = client.send("f");
      const state = { resumed: true, record: true, mark: 7, at: { offset: 1, chain: 10 } };
      peer.hello({ ...state, settled: 3 });
      strictEqual((await peer.attachAfter(["=b", "=c"])).from, 1);
      for (const message of ["d", "e", "f"]) strictEqual(await peer.frame(), `=${message}`);
      // The server read "b" and "c" before the second attach, and acknowledges them now.
      peer.send(".+3");
      peer.hello({ ...state, record: false });
      peer.send('.!1{"code":"NO"}');
      peer.send(".+3");
      strictEqual(await outcomeOf(refused), "NO not-applied");
      strictEqual(await outcomeOf(applied), "applied");
    },
  },
  {
    name: "going-away: hello answers for the messages of an earlier page, although the first connection settled them meanwhile",
    async run(trial) {
      const { server, left, id } = await page(trial);
      const { client, peer: old, until } = await reload(trial, server, left);
      const state = { resumed: true, mark: 7, at: { offset: 1, chain: 10 } };
      old.hello(state);
      await until("status", ({ status }) => status === "live");
      old.send(".g0");
      const next = await server.peer();
      strictEqual((await next.attach()).client, id);
      for (const message of ["b", "c"]) strictEqual(await next.frame(), `=${message}`);
      old.send(".+3");
      await until("leftover", ({ data }) => data === "c");
      const sent = client.send("d");
      next.hello({ ...state, record: true, settled: 3 });
      notStrictEqual((await next.attach()).client, id);
      next.hello(state);
      strictEqual(await next.frame(), "=d");
      next.send(".+1");
      strictEqual(await outcomeOf(sent), "applied");
    },
  },
  {
    name: "two copies of a page never share an id for new messages",
    async run(trial) {
      const { server, left, id } = await page(trial);
      const one = await reload(trial, server, left.copy());
      const two = await reload(trial, server, left.copy());
      strictEqual(one.attach.client, id);
      strictEqual(two.attach.client, id);
      const ids = [];
      for (const { client, peer } of [one, two]) {
        void client.send("new");
        peer.hello({ resumed: true, record: true, settled: 3, mark: 7, at: { offset: 1, chain: 10 } });
        ids.push((await peer.attachAfter(["=b", "=c"])).client);
      }
      strictEqual(new Set([...ids, id]).size, 3);
    },
  },
  {
    name: "bytes that a page left are the same bytes after a reload",
    async run(trial) {
      const storage = new TabStorage();
      const server = await trial.listen();
      const { client } = trial.connect(server, { storage });
      const peer = await server.peer();
      await peer.attach();
      peer.hello();
      void client.send(new Uint8Array([0, 9, 128, 255]));
      deepStrictEqual(await peer.frame(), Buffer.from([0x3d, 0, 9, 128, 255]));
      const left = storage.copy();
      await client.close();
      const next = await reload(trial, server, left);
      deepStrictEqual(await next.peer.frame(), Buffer.from([0x3d, 0, 9, 128, 255]));
      next.peer.hello({ resumed: true });
      next.peer.send(".+1");
      deepStrictEqual([...Buffer.from((await next.until("leftover")).data)], [0, 9, 128, 255]);
    },
  },
  {
    name: "messages that an earlier page left for a session that is gone reject with SESSION_LOST, unknown",
    async run(trial) {
      const { server, left } = await page(trial);
      const { peer, until, of } = await reload(trial, server, left);
      peer.hello({ session: "s2" });
      await until("leftover", ({ data }) => data === "c");
      deepStrictEqual(
        of("leftover").map(({ error }) => shortOf(error)),
        ["SESSION_LOST unknown", "SESSION_LOST unknown"],
      );
    },
  },
  {
    name: "close() before the storage was read: the messages of an earlier page are settled, and no connection is opened",
    async run(trial) {
      const { server, left } = await page(trial);
      const { connections } = server;
      const { client, until, of } = trial.connect(server, { storage: left });
      await client.close();
      await until("leftover", ({ data }) => data === "c");
      deepStrictEqual(
        of("leftover").map(({ error }) => shortOf(error)),
        ["CLOSED unknown", "CLOSED unknown"],
      );
      strictEqual(server.connections, connections);
    },
  },
  {
    name: "close() leaves no message in the storage",
    async run(trial) {
      const storage = new TabStorage();
      const server = await trial.listen();
      const { client } = trial.connect(server, { storage });
      const peer = await server.peer();
      await peer.attach();
      peer.hello();
      const sent = outcomeOf(client.send("a"));
      await peer.frame();
      await client.close();
      strictEqual(await sent, "CLOSED unknown");
      const next = await reload(trial, server, storage);
      strictEqual(next.attach.from, 1);
      strictEqual(next.attach.session, "s1");
    },
  },
  ...(
    [
      ["throws", () => throwing()],
      ["is full", () => full()],
      ["holds what another version wrote", () => garbage()],
    ] as const
  ).map(([what, make]): ClientCase => ({
    name: `a storage that ${what} is ignored`,
    async run(trial) {
      const server = await trial.listen();
      const { client, peer, attach } = await reload(trial, server, make());
      strictEqual(attach.from, 1);
      peer.hello({ session: "s2" });
      const sent = client.send("a");
      strictEqual(await peer.frame(), "=a");
      peer.send(".+1");
      strictEqual(await outcomeOf(sent), "applied");
    },
  })),
];

function throwing(): TabStorage {
  const fail = () => {
    throw new Error("storage is forbidden");
  };
  return Object.assign(new TabStorage(), { getItem: fail, setItem: fail, removeItem: fail });
}

function full(): TabStorage {
  return Object.assign(new TabStorage(), {
    setItem() {
      throw new Error("QuotaExceededError");
    },
  });
}

/** Returns an unreadable value for every key. */
function garbage(): TabStorage {
  let turn = 0;
  const values = ['{"v":99}', "[[1,2],3]", "not JSON"];
  return Object.assign(new TabStorage(), { getItem: () => values[turn++ % values.length] ?? null });
}

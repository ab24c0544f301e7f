import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { AdapterTrial, Client, Journal } from "@wsession/conformance";
import { createSessions, mapStore } from "@wsession/core";
import { afterEach, describe, expect, test } from "vitest";
import {
  closedOf,
  cookieOf,
  runtimes,
  storeNames,
  storeOf,
  testCookie,
  useRedis,
  withCookie,
} from "./support.ts";

const redis = useRedis();
const [ws = expect.fail(), uws = expect.fail()] = runtimes;
const pairs = [
  ["ws", "uws", ws, uws],
  ["uws", "ws", uws, ws],
] as const;

describe.each(pairs)("from %s to %s", (_, __, from, to) => {
  test.each(storeNames)("a client comes back on the other runtime, with the %s store", async (store) => {
    const [here, there] = [new AdapterTrial(from), new AdapterTrial(to)];
    try {
      const sessions = createSessions({
        store: storeOf(store, redis),
        token: testCookie(),
        initial: () => ({ n: 1 }),
      });
      const handlers = {
        open: (conn: { session: { id: string }; runtime: string; send(text: string): unknown }) =>
          void conn.send(`${conn.runtime} ${conn.session.id}`),
      };
      const first = await here.connect(await here.serve(sessions, handlers));
      const second = await there.connect(
        await there.serve(sessions, handlers),
        "/",
        withCookie(cookieOf(first)),
      );
      expect(String(await first.next()).split(" ")).toEqual([
        from.runtime,
        String(cookieOf(first)).split(".")[0],
      ]);
      expect(String(await second.next()).split(" ")).toEqual([
        to.runtime,
        String(cookieOf(first)).split(".")[0],
      ]);
      expect(sessions.diagnostics.sessionsResumed).toBe(1);
    } finally {
      await here.dispose();
      await there.dispose();
    }
  });

  test.each([false, true])(
    "while the old connection has not been detected as dead: exclusive %j",
    async (exclusive) => {
      const [here, there] = [new AdapterTrial(from), new AdapterTrial(to)];
      try {
        const sessions = createSessions({
          store: mapStore(),
          token: testCookie(),
          exclusive,
          initial: () => ({ n: 0 }),
        });
        const observed = new Journal<unknown>();
        const first = await here.connect(
          await here.serve(sessions, { close: (_conn, { code }) => observed.note(code) }),
        );
        // The old connection answers nothing any more, like a connection whose network is lost.
        first.socket.pause();
        const [{ session: old } = expect.fail()] = sessions.connections;
        const second = await there.connect(await there.serve(sessions, {}), "/", withCookie(cookieOf(first)));
        const current = [...sessions.connections].at(-1)?.session ?? expect.fail();
        await current.update(({ n }) => ({ n: n + 1 }));
        if (exclusive) {
          await expect(old.patch({ n: 9 })).rejects.toMatchObject({ code: "FENCED" });
          first.socket.resume();
          expect(await closedOf(first)).toBe(4409);
        } else {
          await old.update(({ n }) => ({ n: n + 1 }));
          expect(sessions.connections.size).toBe(2);
        }
        expect(await current.refresh()).toEqual({ n: exclusive ? 1 : 2 });
        expect(second.socket.readyState).toBe(second.socket.OPEN);
      } finally {
        await here.dispose();
        await there.dispose();
      }
    },
  );
});

describe("over processes", () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children) child.kill("SIGKILL");
  });

  async function server(runtime: string, prefix: string): Promise<{ child: ChildProcess; url: string }> {
    const { port, host } = redis.connect().options;
    const child = fork(new URL("resume-server.mjs", import.meta.url), [
      runtime,
      prefix,
      String(host),
      String(port),
    ]);
    children.push(child);
    const [message]: unknown[] = await once(child, "message");
    return { child, url: `ws://127.0.0.1:${String(message)}` };
  }

  test.each([
    ["ws", "uws"],
    ["uws", "ws"],
  ])(
    "a client of a %s server that was killed with SIGKILL finds all acknowledged data on a %s server",
    async (from, to) => {
      const prefix = `killed-${from}`;
      const [first, second] = await Promise.all([server(from, prefix), server(to, prefix)]);
      const client = await Client.connect(first.url);
      for (let sent = 1; sent <= 3; sent += 1) {
        client.send("count");
        expect(await client.next()).toBe(String(sent));
      }
      first.child.kill("SIGKILL");
      expect(await closedOf(client)).toBe(1006);
      const back = await Client.connect(second.url, withCookie(cookieOf(client)));
      back.send("count");
      expect(await back.next()).toBe("4");
      back.socket.terminate();
    },
  );
});

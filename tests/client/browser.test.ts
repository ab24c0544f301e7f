/** The client in a real Chromium, with a real server: nothing is missing on the page. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { cookieToken, createSessions, mapStore } from "@wsession/core";
import type { Sessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startBrowser } from "../../apps/demo/test/visitor.ts";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import { runtimeNames, serve } from "../runtimes.ts";
import type { RuntimeName } from "../runtimes.ts";
import { newPrefix, redisClient } from "../stores.ts";
import { Line } from "./line.ts";
import { bundleClient, newTab, seenBy, servePage, untilPage } from "./page.ts";

interface Data {
  readonly said: readonly string[];
}

let browser: Browser;
let script: string;

beforeAll(async () => {
  [browser, script] = await Promise.all([startBrowser(), bundleClient()]);
});

afterAll(() => browser?.close());

/** A server that keeps a message for every session each 10 ms. */
async function start(runtime: RuntimeName) {
  const sessions: Sessions<Data, unknown, never> = createSessions<Data>({
    store: mapStore(),
    token: cookieToken({ name: "wsession", secure: false }),
    initial: () => ({ said: [] }),
    onError: () => undefined,
  });
  const server = await serve(runtime, sessions, {
    async message(connection, data) {
      await connection.session.update(({ said }) => ({ said: [...said, String(data)] }));
    },
  });
  const ids = new Set<string>();
  let tick = 0;
  const timer = setInterval(() => {
    for (const { session } of sessions.connections) ids.add(session.id);
    tick += 1;
    for (const id of ids) void sessions.send(id, `${tick}`);
  }, 10);
  onTestFinished(() => clearInterval(timer));
  const line = await Line.to(server.port);
  const page = await servePage(script);
  return { sessions, line, url: `${page}?port=${line.port}`, ids, stop: () => clearInterval(timer) };
}

/** Offsets from the first on, each once and in order. */
function expectDense(
  messages: readonly { readonly offset: number | undefined; readonly data: string }[],
): void {
  const offsets = messages.map(({ offset }) => offset);
  const first = offsets[0] ?? 0;
  expect(offsets).toEqual(offsets.map((_, index) => first + index));
  const ticks = messages.map(({ data }) => Number(data));
  expect(ticks).toEqual(ticks.map((_, index) => ticks[0]! + index));
}

describe.each(runtimeNames)("a page in Chromium, with a server on %s,", (runtime) => {
  test("two tabs of one browser have one session, and each hears every message", async () => {
    const { url, ids } = await start(runtime);
    const one = await newTab(browser, url);
    await untilPage(one, "seen.messages.length > 20");
    const two = await one.context().newPage();
    await two.goto(url);
    await untilPage(two, "seen.messages.length > 20");
    const [first, second] = [await seenBy(one), await seenBy(two)];
    expect(ids.size).toBe(1);
    expect(second.sessions).toEqual([{ id: first.sessions[0]!.id, resumed: true }]);
    expectDense(first.messages);
    expectDense(second.messages);
  });

  test("offline, by the network and by the browser, and online again: nothing is missing", async () => {
    const { url, line } = await start(runtime);
    const page = await newTab(browser, url);
    await untilPage(page, "seen.messages.length > 10");
    for (let round = 0; round < 3; round += 1) {
      line.isDown = true;
      line.cut();
      await page.context().setOffline(true);
      await untilPage(page, `client.status === "waiting"`);
      await page.evaluate(`(window.sent = client.send("${round}")), undefined`);
      await new Promise((resolve) => setTimeout(resolve, 300));
      line.isDown = false;
      await page.context().setOffline(false);
      await untilPage(page, `client.status === "live"`);
      await page.evaluate("window.sent");
      const { messages } = await seenBy(page);
      await untilPage(page, `seen.messages.length > ${messages.length + 20}`);
    }
    const { messages, missed, sessions } = await seenBy(page);
    expectDense(messages);
    expect(messages.filter(({ replayed }) => replayed).length).toBeGreaterThan(10);
    expect(missed).toEqual([]);
    expect(new Set(sessions.map(({ id }) => id)).size).toBe(1);
  });

  test("a reload with `storage` goes on where the page was, and what it had not settled is handled", async () => {
    const { url, line, sessions } = await start(runtime);
    const page = await newTab(browser, `${url}&storage`);
    await untilPage(page, "seen.messages.length > 10");
    line.isDown = true;
    line.cut();
    await untilPage(page, `client.status === "waiting"`);
    await page.evaluate(`void client.send("left behind"), undefined`);
    const before = await seenBy(page);
    await page.reload();
    line.isDown = false;
    await untilPage(page, "seen.messages.length > 20 && seen.leftovers.length > 0");
    const after = await seenBy(page);
    expectDense([...before.messages, ...after.messages]);
    expect(after.leftovers).toEqual([{ data: "left behind", failed: false }]);
    expect(after.sessions).toEqual([{ id: before.sessions[0]!.id, resumed: true }]);
    const [connection] = [...sessions.connections];
    expect(connection!.session.data.said).toEqual(["left behind"]);
    await page.evaluate(`client.send("new")`);
    expect(connection!.session.data.said).toEqual(["left behind", "new"]);
  });
});

/** A server process on `port`. `kill` ends it by SIGKILL: its sockets are reset, and nothing of it runs any more. */
async function startProcess(redisPort: number, prefix: string, port: number) {
  const program = join(import.meta.dirname, "server.mjs");
  const child = spawn(process.execPath, [program, `${redisPort}`, prefix, `${port}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return {
    async kill() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

test("kill -9 of the server, three times: a page in Chromium misses nothing, and all that it said is handled", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const prefix = newPrefix();
  // Another process of the application, which keeps messages for the page all the while.
  const sessions = createSessions<Data>({
    store: redisStore({ client: redisClient(redis.port), prefix }),
    onError: () => undefined,
  });
  onTestFinished(() => sessions.close());
  const line = await Line.to(1);
  let server = await startProcess(redis.port, prefix, (line.target = await freePort()));
  const page = await newTab(browser, `${await servePage(script)}?port=${line.port}`);
  await untilPage(page, "seen.sessions.length > 0");
  const { id } = (await seenBy(page)).sessions[0]!;
  let tick = 0;
  const over = new AbortController();
  const keeping = (async () => {
    while (!over.signal.aborted) {
      await sessions.send(id, `${(tick += 1)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  await untilPage(page, "seen.messages.length > 10");
  for (let round = 0; round < 3; round += 1) {
    await page.evaluate(`window.sent = [0, 1, 2].map((n) => client.send("${round}." + n)), undefined`);
    await server.kill();
    await untilPage(page, `client.status !== "live"`);
    server = await startProcess(redis.port, prefix, (line.target = await freePort()));
    await untilPage(page, `client.status === "live"`);
    await page.evaluate("Promise.all(window.sent)");
  }
  over.abort();
  await keeping;
  await untilPage(page, `seen.messages.at(-1).data === "${tick}"`);
  const { messages, missed, sessions: seen } = await seenBy(page);
  expectDense(messages);
  expect(messages[0]!.data).toBe("1");
  expect(missed).toEqual([]);
  expect(new Set(seen.map((session) => session.id)).size).toBe(1);
  const { said } = (await sessions.get(id))!.data;
  // At least once: what was handled as the server was killed may be handled again.
  const firsts = said.filter((one, index) => said.indexOf(one) === index);
  expect(firsts).toEqual(["0.0", "0.1", "0.2", "1.0", "1.1", "1.2", "2.0", "2.1", "2.2"]);
}, 60_000);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

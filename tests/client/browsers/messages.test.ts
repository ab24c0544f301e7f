/** The client in real browsers, with a real server: nothing is missing on the page. */
import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { startRedis } from "../../../packages/store-redis/test/redis-server.ts";
import { runtimeNames } from "../../runtimes.ts";
import type { RuntimeName } from "../../runtimes.ts";
import { newPrefix, redisClient } from "../../stores.ts";
import { Line } from "../line.ts";
import { bundleClient, newProfile, newTab, recordOf, servePage, untilPage } from "../page.ts";
import { browserNames, startDriver } from "./browsers.ts";
import type { BrowserDriver, Tab } from "./driver.ts";
import { freePort } from "../../../scripts/free-port.mjs";
import { startProcess, startServer } from "./servers.ts";
import type { Data } from "./servers.ts";

// A test starts tabs and processes, which take several seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

let script: string;

beforeAll(async () => {
  script = await bundleClient();
});

/** Room for a minute of messages: a browser on a busy machine may be away for seconds. */
const outbox = { maxMessages: 6_000, maxBytes: 4 * 1024 * 1024 };

/** A server that keeps a message for every session each 10 ms. */
async function start(runtime: RuntimeName) {
  const { sessions, line } = await startServer(runtime, { outbox });
  const ids = new Set<string>();
  let tick = 0;
  const timer = setInterval(() => {
    for (const { session } of sessions.connections) ids.add(session.id);
    tick += 1;
    for (const id of ids) void sessions.send(id, `${tick}`);
  }, 10);
  onTestFinished(() => clearInterval(timer));
  return { sessions, line, url: `${await servePage(script)}?port=${line.port}`, ids };
}

/** Cuts the line, and takes the browser offline if the browser's protocol has a command for that. */
async function goOffline(tab: Tab, line: Line): Promise<void> {
  line.isDown = true;
  line.cut();
  await tab.setOffline?.(true);
}

async function goOnline(tab: Tab, line: Line): Promise<void> {
  line.isDown = false;
  await tab.setOffline?.(false);
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

describe.each(browserNames)("a page in %s", (name) => {
  let browser: BrowserDriver;

  beforeAll(async () => {
    browser = await startDriver(name);
  });

  afterAll(() => browser?.close());

  beforeEach(({ task }) => {
    task.meta.platform = `${browser.name} ${browser.version}`;
  });

  describe.each(runtimeNames)("with a server on %s,", (runtime) => {
    test("two tabs of one browser have one session, and each gets every message", async () => {
      const { url, ids } = await start(runtime);
      const profile = await newProfile(browser);
      const one = await profile.open(url);
      await untilPage(one, "record.messages.length > 20");
      const two = await profile.open(url);
      await untilPage(two, "record.messages.length > 20");
      const [first, second] = [await recordOf(one), await recordOf(two)];
      expect(ids.size).toBe(1);
      expect(second.sessions).toEqual([{ id: first.sessions[0]!.id, resumed: true }]);
      expectDense(first.messages);
      expectDense(second.messages);
    });

    test("a page that goes offline, by the network or by the browser where possible, and online again misses nothing", async () => {
      const { url, line } = await start(runtime);
      const page = await newTab(browser, url);
      await untilPage(page, "record.messages.length > 10");
      for (let round = 0; round < 3; round += 1) {
        await goOffline(page, line);
        await untilPage(page, `client.status === "waiting"`);
        await page.evaluate(`(window.sent = client.send("${round}")), undefined`);
        await new Promise((resolve) => setTimeout(resolve, 300));
        await goOnline(page, line);
        await untilPage(page, `client.status === "live"`);
        await page.evaluate("window.sent");
        const { messages } = await recordOf(page);
        await untilPage(page, `record.messages.length > ${messages.length + 20}`);
      }
      const { messages, missed, sessions } = await recordOf(page);
      expect(missed).toEqual([]);
      expectDense(messages);
      expect(messages.filter(({ replayed }) => replayed).length).toBeGreaterThan(10);
      expect(new Set(sessions.map(({ id }) => id)).size).toBe(1);
    });

    test("a reload with `storage` continues at the page's position, and unsettled messages are handled", async () => {
      const { url, line, sessions } = await start(runtime);
      const page = await newTab(browser, `${url}&storage`);
      await untilPage(page, "record.messages.length > 10");
      line.isDown = true;
      line.cut();
      await untilPage(page, `client.status === "waiting"`);
      await page.evaluate(`void client.send("left behind"), undefined`);
      const before = await recordOf(page);
      await page.reload();
      line.isDown = false;
      await untilPage(page, "record.messages.length > 20 && record.leftovers.length > 0");
      const after = await recordOf(page);
      expect(after.missed).toEqual([]);
      expectDense([...before.messages, ...after.messages]);
      expect(after.leftovers).toEqual([{ data: "left behind", failed: false }]);
      expect(after.sessions).toEqual([{ id: before.sessions[0]!.id, resumed: true }]);
      const [connection] = [...sessions.connections];
      expect(connection!.session.data.said).toEqual(["left behind"]);
      await page.evaluate(`client.send("new")`);
      expect(connection!.session.data.said).toEqual(["left behind", "new"]);
    });
  });

  test("is caught: a page that stores nothing misses the messages that were sent during its reload", async () => {
    const { url, line } = await start("ws");
    const page = await newTab(browser, url);
    await untilPage(page, "record.messages.length > 10");
    line.isDown = true;
    line.cut();
    const before = await recordOf(page);
    await page.reload();
    line.isDown = false;
    await untilPage(page, "record.messages.length > 20");
    const after = await recordOf(page);
    expect(() => expectDense([...before.messages, ...after.messages])).toThrow("to deeply equal");
  });

  test("kill -9 of the server, three times: the page misses nothing, and all of its messages are handled", async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const prefix = newPrefix();
    // Another process of the application, which keeps messages for the page all the while.
    const sessions = createSessions<Data>({
      store: redisStore({ client: redisClient(redis.port), prefix, timeoutMs: 20_000 }),
      outbox,
      onError: () => undefined,
    });
    onTestFinished(() => sessions.close());
    const line = await Line.to(1);
    let server = await startProcess(redis.port, prefix, (line.target = await freePort()));
    const page = await newTab(browser, `${await servePage(script)}?port=${line.port}`);
    await untilPage(page, "record.sessions.length > 0");
    const { id } = (await recordOf(page)).sessions[0]!;
    let tick = 0;
    const over = new AbortController();
    const keeping = (async () => {
      while (!over.signal.aborted) {
        await sessions.send(id, `${(tick += 1)}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
    await untilPage(page, "record.messages.length > 10");
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
    await untilPage(page, `record.messages.at(-1).data === "${tick}"`);
    const { messages, missed, sessions: observed } = await recordOf(page);
    expectDense(messages);
    expect(messages[0]!.data).toBe("1");
    expect(missed).toEqual([]);
    expect(new Set(observed.map((session) => session.id)).size).toBe(1);
    const { said } = (await sessions.get(id))!.data;
    // At least once: what was handled as the server was killed may be handled again.
    const firsts = said.filter((one, index) => said.indexOf(one) === index);
    expect(firsts).toEqual(["0.0", "0.1", "0.2", "1.0", "1.1", "1.2", "2.0", "2.1", "2.2"]);
  });
});

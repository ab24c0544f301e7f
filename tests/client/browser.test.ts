/** The client in a real Chromium, with a real server: nothing is missing on the page. */
import { cookieToken, createSessions, mapStore } from "@wsession/core";
import type { Sessions } from "@wsession/core";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startBrowser } from "../../apps/demo/test/visitor.ts";
import { runtimeNames, serve } from "../runtimes.ts";
import type { RuntimeName } from "../runtimes.ts";
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

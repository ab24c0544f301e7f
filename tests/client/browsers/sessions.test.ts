/** The client in real browsers: how it comes back to its session, and what ends it for good. */
import { protocolToken } from "@wsession/core";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { startRedis } from "../../../packages/store-redis/test/redis-server.ts";
import { newPrefix } from "../../stores.ts";
import { Line } from "../line.ts";
import { bundleClient, newProfile, newTab, recordOf, servePage, untilPage } from "../page.ts";
import { browserNames, startDriver } from "./browsers.ts";
import type { BrowserDriver, Tab } from "./driver.ts";
import { freePort } from "../../../scripts/free-port.mjs";
import { startProcess, startServer } from "./servers.ts";

// A test starts tabs and processes, which take several seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

let script: string;

beforeAll(async () => {
  script = await bundleClient();
});

const isLive = `client.status === "live"`;
/** The page is live in the session of this id. */
const isLiveIn = (id: string) => `${isLive} && client.session?.id === "${id}"`;

async function start(options: Parameters<typeof startServer>[1] = {}, query = "") {
  const { sessions, server, line } = await startServer("ws", options);
  return { sessions, server, line, url: `${await servePage(script)}?port=${line.port}${query}` };
}

async function idOf(tab: Tab): Promise<string> {
  await untilPage(tab, `${isLive} && client.session`);
  return tab.evaluate<string>("client.session.id");
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

  test("keeps the HttpOnly cookie of a 101, out of reach of the page, and comes back by it", async () => {
    const { url, line } = await start();
    const profile = await newProfile(browser);
    const tab = await profile.open(url);
    const id = await idOf(tab);
    const cookies = (await profile.cookies()).filter((cookie) => cookie.name === "wsession");
    expect(cookies).toMatchObject([{ httpOnly: true }]);
    expect(await tab.evaluate("document.cookie")).toBe("");
    line.cut();
    await untilPage(tab, "record.sessions.length === 2");
    await tab.evaluate(`client.send("after")`);
    expect((await recordOf(tab)).sessions).toEqual([
      { id, resumed: false },
      { id, resumed: true },
    ]);
  });

  test("comes back by a token in its storage, after a drop and after a reload, without any cookie", async () => {
    const { url, line } = await start({ token: protocolToken() }, "&token");
    const profile = await newProfile(browser);
    const tab = await profile.open(url);
    const id = await idOf(tab);
    line.cut();
    await untilPage(tab, "record.sessions.length === 2");
    await untilPage(tab, isLiveIn(id));
    await tab.reload();
    await untilPage(tab, isLiveIn(id));
    expect((await recordOf(tab)).sessions).toEqual([{ id, resumed: true }]);
    expect(await profile.cookies()).toEqual([]);
  });

  test("is caught: a page that keeps no token comes back to another session", async () => {
    const { url, line } = await start({ token: protocolToken() });
    const tab = await newTab(browser, url);
    const id = await idOf(tab);
    line.cut();
    await untilPage(tab, "record.sessions.length === 2");
    expect((await recordOf(tab)).sessions[1]).toMatchObject({ resumed: false });
    expect((await recordOf(tab)).sessions[1]!.id).not.toBe(id);
  });

  test("a session that is destroyed (4410) asks each tab for a login, and none comes back by itself", async () => {
    const { url, sessions } = await start();
    const profile = await newProfile(browser);
    const tabs = [await profile.open(url), await profile.open(url)];
    const id = await idOf(tabs[0]!);
    await untilPage(tabs[1]!, isLiveIn(id));
    await sessions.destroy(id);
    for (const tab of tabs) {
      await untilPage(tab, "record.closed.length > 0");
      expect(await recordOf(tab)).toMatchObject({ closed: [{ code: 4410, why: "login" }] });
      expect(await tab.evaluate("client.send('late').catch(({ code }) => code)")).toBe("CLOSED");
    }
  });

  test("a session that expires (4419) asks for a login", async () => {
    const { url } = await start({ idleMs: 1_000 });
    const tab = await newTab(browser, url);
    await untilPage(tab, "record.closed.length > 0");
    expect(await recordOf(tab)).toMatchObject({ closed: [{ code: 4419, why: "login" }] });
  });

  test("exclusive: the tab that was opened later has the session, and the earlier one stops, replaced (4409)", async () => {
    const { url } = await start({ exclusive: true });
    const profile = await newProfile(browser);
    const first = await profile.open(url);
    const id = await idOf(first);
    const second = await profile.open(url);
    await untilPage(second, isLiveIn(id));
    await untilPage(first, "record.closed.length > 0");
    expect(await recordOf(first)).toMatchObject({ closed: [{ code: 4409, why: "replaced" }] });
    await second.evaluate(`client.send("mine")`);
    expect((await recordOf(second)).closed).toEqual([]);
  });

  test("two tabs that log in at the same time both end up in the session, logged in, and so does a third", async () => {
    const { url, sessions, line } = await start({ onBadToken: "refuse" });
    const profile = await newProfile(browser);
    const tabs = [await profile.open(url), await profile.open(url)];
    const id = await idOf(tabs[0]!);
    await untilPage(tabs[1]!, isLiveIn(id));
    // The first tab's is still on its way as the second one's follows.
    await Promise.all(tabs.map((tab) => tab.evaluate(`void client.sendNow("log in as ada"), undefined`)));
    for (const tab of tabs) await untilPage(tab, `record.sessions.length > 1 && ${isLiveIn(id)}`);
    const closed = await Promise.all(tabs.map(async (tab) => (await recordOf(tab)).closed));
    expect(closed).toEqual([[], []]);
    expect((await sessions.get(id))?.subject).toBe("ada");
    // The browser has the cookie that opens it now.
    line.cut();
    for (const tab of tabs) await untilPage(tab, isLiveIn(id));
    const third = await profile.open(url);
    await untilPage(third, isLiveIn(id));
    for (const tab of [...tabs, third]) await tab.evaluate(`client.send("here")`);
  });

  test("a tab that reconnects while another one logs in is refused for a moment, and comes back logged in", async () => {
    const { url, line } = await start({ onBadToken: "refuse" });
    const profile = await newProfile(browser);
    const first = await profile.open(url);
    const id = await idOf(first);
    const second = await profile.open(url);
    await untilPage(second, isLiveIn(id));
    for (let round = 0; round < 3; round += 1) {
      const before = (await recordOf(first)).sessions.length;
      await first.evaluate(`void client.sendNow("log in as ada"), undefined`);
      await second.evaluate("void client.reconnect(), undefined");
      await untilPage(first, `record.sessions.length > ${before} && ${isLiveIn(id)}`);
      await untilPage(second, isLiveIn(id));
      await second.evaluate(`client.send("${round}")`);
    }
    line.cut();
    for (const tab of [first, second]) await untilPage(tab, isLiveIn(id));
    for (const tab of [first, second]) expect((await recordOf(tab)).closed).toEqual([]);
  });

  test("a tab that was frozen for longer than `silenceMs` is back when it thaws, and misses nothing", async ({
    skip,
  }) => {
    const { url, sessions } = await start({}, "&silence");
    const tab = await newTab(browser, url);
    const id = await idOf(tab);
    if (tab.setFrozen === undefined) return skip("the protocol of this browser can't freeze a tab");
    await sessions.send(id, "before");
    await untilPage(tab, "record.messages.length === 1");
    await tab.setFrozen(true);
    const kept = Array.from({ length: 10 }, (_, index) => `${index}`);
    for (const text of kept) {
      await sessions.send(id, text);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(await tab.evaluate("record.messages.length")).toBe(1);
    await tab.setFrozen(false);
    await untilPage(tab, "record.messages.length > 10");
    const { messages, missed, sessions: reported, codes, closed } = await recordOf(tab);
    expect(messages.map(({ data }) => data)).toEqual(["before", ...kept]);
    expect({ missed, closed }).toEqual({ missed: [], closed: [] });
    // Chromium itself ends the WebSocket of a frozen page: the server gets 1001, and the page 1006.
    expect(codes).toEqual([1006]);
    expect(reported.at(-1)).toEqual({ id, resumed: true });
  });

  describe("with two server processes on one Redis", () => {
    async function twoProcesses(...flags: readonly string[]) {
      const redis = await startRedis();
      onTestFinished(() => redis.stop());
      const prefix = newPrefix();
      const one = await startProcess(redis.port, prefix, await freePort(), ...flags);
      const other = await startProcess(redis.port, prefix, await freePort(), ...flags);
      return { one, other, page: await servePage(script) };
    }

    test("a deploy (1012) sends the page to the other process, and the messages that it sends meanwhile are handled", async () => {
      const { one, other, page } = await twoProcesses();
      const line = await Line.to(one.port);
      const tab = await newTab(browser, `${page}?port=${line.port}`);
      const id = await idOf(tab);
      await tab.evaluate(`client.send("before")`);
      line.target = other.port;
      const stopping = one.stop();
      await untilPage(tab, "record.codes.length > 0");
      await tab.evaluate(`client.send("after")`);
      await stopping;
      await untilPage(tab, isLiveIn(id));
      const { codes, sessions, closed } = await recordOf(tab);
      expect({ codes, closed }).toEqual({ codes: [browser.reads1012 ? 1012 : 1006], closed: [] });
      expect(sessions.at(-1)).toEqual({ id, resumed: true });
    });

    test("exclusive: a tab at the other process takes the session over, and the earlier tab stops (4409)", async () => {
      const { one, other, page } = await twoProcesses("exclusive");
      const profile = await newProfile(browser);
      const first = await profile.open(`${page}?port=${one.port}`);
      const id = await idOf(first);
      const second = await profile.open(`${page}?port=${other.port}`);
      await untilPage(second, isLiveIn(id));
      await untilPage(first, "record.closed.length > 0");
      expect(await recordOf(first)).toMatchObject({ closed: [{ code: 4409, why: "replaced" }] });
      await second.evaluate(`client.send("mine")`);
    });
  });
});

/** "Count to 100" without Redis: the connections are cut in the middle. */
import process from "node:process";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";
import {
  countAndBreak,
  describeDemo,
  EXACTLY_ONCE,
  resultOf,
  runsInSession,
  startCounting,
  whenCounted,
  withoutTransactions,
} from "./counting.ts";
import { startDemo } from "./demo.ts";
import { useDemo } from "./setting.ts";
import { expectFact } from "./visitor.ts";

const RUNTIMES = [
  { name: "ws", via: "1-ws", other: "uWebSockets.js" },
  { name: "uWebSockets.js", via: "1-uws", other: "ws" },
] as const;

// A count takes 3 s, and each test starts a page of its own.
vi.setConfig({ testTimeout: 60_000 });

const setting = useDemo();

describe.each(RUNTIMES)("a visitor who counts to 100 through $name", ({ name, via, other }) => {
  it("sees both counters at 100 where nothing breaks", async () => {
    const tab = await setting.open(via);
    await tab.isConnectedThrough(name);
    await startCounting(tab);
    expect(await resultOf(tab)).toEqual({
      exact: EXACTLY_ONCE,
      plain: {
        count: 100,
        verdict: "Right this time, because the connection held. Count again, and break it.",
      },
    });
    await expectFact(tab, "version", "101");
    expect(setting.visitor.complaints).toEqual([]);
  });

  it("cuts both connections in the middle: 100 with wsession, too many over the plain WebSocket (I21, I22)", async () => {
    const tab = await setting.open(via);
    await tab.isConnectedThrough(name);
    expect(await tab.page.getByText("Start the demo with --redis").count()).toBe(1);
    await countAndBreak(tab, 20);
    await tab.logged("1006 dropped: no closing handshake");
    await tab.isConnectedThrough(other);
    const { exact, plain } = await resultOf(tab);
    expect(exact).toEqual(EXACTLY_ONCE);
    expect(plain.count).toBeGreaterThan(100);
    expect(plain.verdict).toContain(`Wrong: ${plain.count - 100} too many.`);
    expect((await runsInSession(setting.visitor, setting.demo)).map(({ count }) => count)).toEqual([100]);
    expect(setting.visitor.complaints).toEqual([]);
  });

  it("does so from the keyboard, and the focus stays", async () => {
    const tab = await setting.open(via);
    await tab.isConnectedThrough(name);
    const { keyboard } = tab.page;
    await tab.page.getByRole("button", { name: "Count to 100" }).focus();
    const inTheMiddle = whenCounted(tab, 10);
    await keyboard.press("Enter");
    await inTheMiddle;
    // The demo waits for the keys, because otherwise a slow browser could be too late.
    process.kill(setting.demo.pid, "SIGSTOP");
    try {
      await keyboard.press("Tab");
      await tab.page.locator("#count-break:focus[aria-disabled=false]").waitFor();
      await keyboard.press("Enter");
      await tab.logged("Both connections are cut");
    } finally {
      process.kill(setting.demo.pid, "SIGCONT");
    }
    expect((await resultOf(tab)).exact).toEqual(EXACTLY_ONCE);
    expect(await tab.page.locator("#count-break:focus").count()).toBe(1);
  });

  it("gets the codes of the messages that did not count if the session is destroyed in the middle", async () => {
    const tab = await setting.open(via);
    await tab.isConnectedThrough(name);
    const destroyed = whenCounted(tab, 10, "destroy");
    await startCounting(tab);
    await destroyed;
    await tab.hasEnded();
    const { exact } = await resultOf(tab);
    expect(exact.verdict).toMatch(
      /^Stopped: \d+ of 100 messages ended with [A-Z_, ]+, and the page got these codes\.$/,
    );
  });

  it("is not let in at the plain WebSocket from another origin, and ends it with nonsense", async () => {
    const { endpoints } = await describeDemo(setting.demo);
    const { port } = endpoints.find(({ runtime }) => via.endsWith(`-${runtime}`))!;
    const plain = `ws://localhost:${port}/plain`;
    const stranger = new WebSocket(plain, { origin: "http://evil.example" });
    const status = await new Promise((resolve, reject) => {
      stranger.on("unexpected-response", (_request, { statusCode }) => resolve(statusCode));
      stranger.on("open", () => reject(new Error("a stranger was let in")));
      stranger.on("error", reject);
    });
    expect([401, 403]).toContain(status);
    stranger.terminate();
    for (const nonsense of [
      "nonsense",
      "[]",
      '{"type":"press","run":"short","number":1}',
      "x".repeat(5_000),
    ]) {
      const socket = new WebSocket(plain, { origin: setting.demo.url.slice(0, -1) });
      const closed = new Promise((resolve) => socket.on("close", resolve));
      socket.on("error", () => {});
      socket.on("open", () => socket.send(nonsense));
      expect([1006, 1009]).toContain(await closed);
    }
  });
});

it("a demo whose handler is `message` in place of `transaction` counts too many, and the page says so", async () => {
  const broken = await startDemo([], withoutTransactions());
  onTestFinished(async () => void (await broken.end()));
  const tab = await setting.visitor.open(broken.url, "1-ws");
  await tab.isConnectedThrough("ws");
  await countAndBreak(tab, 20);
  const { exact } = await resultOf(tab);
  expect(exact.count).toBeGreaterThan(100);
  expect(exact.verdict).toContain("Wrong:");
}, 120_000);

/** "Count to 100" with Redis: the process is killed in the middle. */
import process from "node:process";
import { Redis } from "ioredis";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { useRedisServer } from "../../../packages/store-redis/test/shared-servers.ts";
import {
  countAndBreak,
  EXACTLY_ONCE,
  resultOf,
  runsInSession,
  startCounting,
  whenCounted,
  withoutTransactions,
} from "./counting.ts";
import { startDemo } from "./demo.ts";
import { useDemo } from "./setting.ts";

const PROCESSES = [
  { name: "ws", via: "1-ws", other: "uWebSockets.js" },
  { name: "uWebSockets.js", via: "2-uws", other: "ws" },
] as const;

// A count takes 3 s, and each test starts a page of its own.
vi.setConfig({ testTimeout: 60_000 });

const redis = useRedisServer();
const redisUrl = (): string => `redis://${redis.host}:${redis.port}`;
const setting = useDemo(() => ["--redis", redisUrl(), "--processes", "2"]);

/** The plain counter, as Redis has it. */
async function plainInRedis(run: string): Promise<number> {
  const client = new Redis(redisUrl());
  try {
    return Number(await client.get(`wsession-demo-plain:${run}`));
  } finally {
    client.disconnect();
  }
}

describe.each(PROCESSES)("a visitor who counts to 100 through $name", ({ name, via, other }) => {
  it("kills the process in the middle: 100 with wsession, too many over the plain WebSocket (I21, I22)", async () => {
    const tab = await setting.open(via);
    await tab.isConnectedThrough(name);
    await countAndBreak(tab, 20);
    await tab.isConnectedThrough(other);
    await tab.says(/^Process \d was killed, and your session was kept$/);
    const { exact, plain } = await resultOf(tab);
    expect(exact).toEqual(EXACTLY_ONCE);
    expect(plain.count).toBeGreaterThan(100);
    expect(plain.verdict).toContain(`Wrong: ${plain.count - 100} too many.`);
    // What the page shows is what the store has.
    const runs = await runsInSession(setting.visitor, setting.demo);
    expect(runs.map(({ count }) => count)).toEqual([100]);
    expect(await plainInRedis(runs[0]!.run)).toBe(plain.count);
    expect(setting.visitor.complaints).toEqual([]);
  });
});

it("kills two processes, one after the other, in one count to 100", async () => {
  const tab = await setting.open("1-ws");
  await tab.isConnectedThrough("ws");
  await countAndBreak(tab, 10);
  await whenCounted(tab, 40, "count-break");
  const { exact, plain } = await resultOf(tab);
  expect(exact).toEqual(EXACTLY_ONCE);
  expect(plain.count).toBeGreaterThanOrEqual(102);
});

it("counts exactly 100 though another program kills the process at any time", async () => {
  const tab = await setting.open("1-ws");
  await tab.isConnectedThrough("ws");
  const [, pid] = /pid (\d+)\)$/.exec(await tab.fact("served-by"))!;
  const inTheMiddle = whenCounted(tab, 20);
  await startCounting(tab);
  await inTheMiddle;
  process.kill(Number(pid), "SIGKILL");
  const { exact, plain } = await resultOf(tab);
  expect(exact).toEqual(EXACTLY_ONCE);
  expect(plain.count).toBeGreaterThanOrEqual(100);
});

it("a demo whose handler is `message` in place of `transaction` counts too many, and the page says so", async () => {
  const broken = await startDemo(["--redis", redisUrl(), "--processes", "2"], withoutTransactions());
  onTestFinished(async () => void (await broken.end()));
  const tab = await setting.visitor.open(broken.url, "1-ws");
  await tab.isConnectedThrough("ws");
  await countAndBreak(tab, 20);
  const { exact } = await resultOf(tab);
  expect(exact.count).toBeGreaterThan(100);
  expect(exact.verdict).toContain("Wrong:");
}, 120_000);

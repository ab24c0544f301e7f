/** Two processes on one Redis: what a visitor does, and what happens when a process is killed. */
import process from "node:process";
import { describe, expect, it } from "vitest";
import { useRedisServer } from "../../../packages/store-redis/test/shared-servers.ts";
import { useDemo } from "./setting.ts";
import { expectFact, expectToShow } from "./visitor.ts";
import type { Tab } from "./visitor.ts";

const PROCESSES = [
  { name: "ws", number: 1, via: "1-ws", other: "uWebSockets.js", otherNumber: 2 },
  { name: "uWebSockets.js", number: 2, via: "2-uws", other: "ws", otherNumber: 1 },
] as const;

const redis = useRedisServer();
const redisUrl = (): string => `redis://${redis.host}:${redis.port}`;
const setting = useDemo(() => ["--redis", redisUrl(), "--processes", "2"]);

/** The process that serves a tab, as the page says. */
async function servedBy(tab: Tab): Promise<{ readonly number: number; readonly pid: number }> {
  const [, number, pid] = /process (\d+) \(pid (\d+)\)$/.exec(await tab.fact("served-by"))!;
  return { number: Number(number), pid: Number(pid) };
}

describe.each(PROCESSES)(
  "a visitor whom process $number serves with $name",
  ({ name, number, via, other, otherNumber }) => {
    it(`is dropped and comes back through process ${otherNumber} to the same session`, async () => {
      const tab = await setting.open(via);
      await tab.isConnectedThrough(name);
      expect(await servedBy(tab)).toMatchObject({ number });
      await tab.rename("Ada");
      await tab.recolour("sea");
      await tab.press("+25 in one tick");
      await tab.note("Kept in Redis");
      const { id } = await tab.shown();
      const changed = { id, name: "Ada", colour: "sea", count: "25", notes: ["Kept in Redis"] };
      await expectToShow(tab, changed);
      const { pid } = await servedBy(tab);

      await tab.press("Drop the connection");
      await tab.isConnectedThrough(other);
      await expectToShow(tab, changed);
      const now = await servedBy(tab);
      expect(now.number).toBe(otherNumber);
      expect(now.pid).not.toBe(pid);
      expect(setting.visitor.complaints).toEqual([]);
    });

    it(`sees changes arrive live from a tab that process ${otherNumber} serves`, async () => {
      const first = await setting.open(via);
      await first.isConnectedThrough(name);
      const second = await setting.visitor.openSecondTab(first);
      await second.isConnectedThrough(other);
      await Promise.all(
        [first, second].map((tab) => expectFact(tab, "presence", "2 connections on 2 processes")),
      );
      await second.rename("Grace");
      await expectToShow(first, { name: "Grace" });
      await Promise.all([first.press("+25 in one tick"), second.press("+25 in one tick")]);
      await Promise.all([first, second].map((tab) => expectToShow(tab, { name: "Grace", count: "50" })));
    });

    it("survives kill -9 of that process with every change that was saved", async () => {
      const tab = await setting.open(via);
      await tab.isConnectedThrough(name);
      await tab.rename("Lazarus");
      await tab.press("+25 in one tick");
      await expectToShow(tab, { name: "Lazarus", count: "25" });
      await tab.note("Saved at the last moment");
      await expectToShow(tab, { notes: ["Saved at the last moment"] });
      const before = await tab.shown();
      const { pid } = await servedBy(tab);

      process.kill(pid, "SIGKILL");
      await tab.logged("1006 dropped: no closing handshake");
      await tab.isConnectedThrough(other);
      expect(await tab.shown()).toEqual(before);
      await tab.press("One more");
      await expectToShow(tab, { ...before, count: "26" });

      // It is started again, as another process, and serves the same session.
      await setting.demo.said(`Process ${number} (pid ${pid}) ended by SIGKILL; starting it again.`);
      await setting.demo.said(`Process ${number} serves again`);
      await tab.go("Move here", name);
      await expectToShow(tab, { ...before, count: "26" });
      expect((await servedBy(tab)).pid).not.toBe(pid);
    });

    it("destroys the session in the tabs of both processes", async () => {
      const first = await setting.open(via);
      await first.isConnectedThrough(name);
      const second = await setting.visitor.openSecondTab(first);
      await second.isConnectedThrough(other);
      const { id } = await first.shown();
      await second.press("Destroy the session");
      for (const tab of [first, second]) {
        await tab.hasEnded();
        await tab.logged("4410 the session was destroyed");
      }
      await first.go("Start afresh here", other);
      expect((await first.shown()).id).not.toBe(id);
    });
  },
);

it("the page's own button kills the process, and a text explains that", async () => {
  const tab = await setting.open("1-ws");
  await tab.isConnectedThrough("ws");
  await tab.rename("Phoenix");
  await expectFact(tab, "version", "2");
  const before = await tab.shown();
  await tab.server("ws").getByRole("button", { name: "Kill it" }).click();
  await tab.isConnectedThrough("uWebSockets.js");
  await tab.says("Process 1 was killed, and your session was kept");
  expect(await tab.shown()).toEqual(before);
});

it("a Redis that does not answer costs the write, with a reason, and not the connection", async () => {
  const tab = await setting.open("2-uws");
  await tab.isConnectedThrough("uWebSockets.js");
  await tab.rename("Patience");
  await expectFact(tab, "version", "2");
  redis.pause();
  try {
    await tab.press("One more");
    await tab.says("Not saved: STORE_UNAVAILABLE");
    await tab.isConnectedThrough("uWebSockets.js");
  } finally {
    redis.continue();
  }
  await tab.rename("Rewarded");
  await expectToShow(tab, { name: "Rewarded" });
});

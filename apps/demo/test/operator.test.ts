/** The operator's page: what it shows of four processes and their Redis, and what an operator does to them. */
import process from "node:process";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it, onTestFailed } from "vitest";
import { startDemo } from "./demo.ts";
import type { RunningDemo } from "./demo.ts";
import { expectFact, expectToShow, startBrowser, Visitor } from "./visitor.ts";
import type { Tab } from "./visitor.ts";

const SOON = { timeout: 20_000 };

let browser: Browser;
let demo: RunningDemo;
let visitor: Visitor;
let tab: Tab;
let page: Page;

beforeAll(async () => {
  [browser, demo] = await Promise.all([startBrowser(), startDemo(["--redis"])]);
  visitor = await Visitor.arrive(browser);
  page = await visitor.context.newPage();
  await page.goto(`${demo.url}operator`);
  tab = await visitor.open(demo.url, "1-ws");
  await tab.isConnectedThrough("ws, process 1");
});
beforeEach(() => onTestFailed(() => console.error(`The demo said:\n${demo.output()}`)));
afterAll(async () => {
  await browser.close();
  await demo.end();
});

function card(name: string): Locator {
  return page.getByRole("article", { name, exact: true });
}

async function expectState(name: string, state: string): Promise<void> {
  await expect.poll(() => card(name).locator(".state").innerText(), SOON).toBe(state);
}

async function press(name: string): Promise<void> {
  await page.bringToFront();
  await page.getByRole("button", { name, exact: true }).click();
}

async function pidOf(name: string): Promise<number> {
  const text = await card(name).locator(".detail").innerText();
  return Number(/pid (\d+)/.exec(text)?.[1]);
}

it("shows four processes, two on each runtime, behind one URL, and the visitor's actions", async () => {
  for (const number of [1, 2, 3, 4]) await expectState(`Process ${number}`, "runs");
  const kinds = await page.locator(".card .kind").allInnerTexts();
  expect(kinds).toEqual(["ws", "uWebSockets.js", "ws", "uWebSockets.js", "started by the demo"]);
  expect(demo.output().match(/http:\/\/\S+/g)).toEqual([demo.url, `${demo.url}operator`]);
  await tab.rename("Ada");
  await tab.press("+25 in one tick");
  await expectToShow(tab, { name: "Ada", count: "25" });
  const row = page.getByRole("listitem").filter({ hasText: "Ada" });
  await expect.poll(() => row.innerText(), SOON).toContain("process 1: 1");
  expect(await page.locator("#total-connections").innerText()).toBe("1");
  // The chart is a canvas. This sentence has the same content for a screen reader.
  await expect
    .poll(() => page.locator("#chart-text").textContent(), SOON)
    .toMatch(/^In the last second: \d+ connects/);
});

it("kills a process: the visitor reconnects through another process, and the process is started again", async () => {
  const pid = await pidOf("Process 1");
  await press("Kill Process 1");
  await demo.said("Process 1 serves again");
  await expectState("Process 1", "runs");
  expect(await pidOf("Process 1")).not.toBe(pid);
  await page
    .getByRole("listitem")
    .filter({ hasText: `(pid ${pid}) ended by SIGKILL` })
    .waitFor();
  await expectToShow(tab, { name: "Ada", count: "25" });
  await expectFact(tab, "resumed", "resumed");
});

it("kills a process that is starting: the process is started again, and the demo continues", async () => {
  const path = `${demo.url}operator/processes/3/kill`;
  const kill = () => fetch(path, { method: "POST", headers: { origin: new URL(demo.url).origin } });
  const ended = () => demo.output().match(/Process 3 \(pid \d+\) ended by SIGKILL/g) ?? [];
  expect((await kill()).status).toBe(204);
  await expect.poll(ended, SOON).toHaveLength(1);
  // The next process was forked in the same step as the sentence was printed, and does not serve yet.
  expect((await kill()).status).toBe(204);
  await expect.poll(ended, SOON).toHaveLength(2);
  await demo.said("Process 3 serves again");
  await expectState("Process 3", "runs");
});

it("stops a process and lets it continue, by the keyboard too", async () => {
  await press("Stop Process 4");
  await expectState("Process 4", "stopped (SIGSTOP)");
  const button = page.getByRole("button", { name: "Continue Process 4" });
  await button.focus();
  await page.keyboard.press("Enter");
  await expectState("Process 4", "runs");
  expect(await button.evaluate((element) => element === document.activeElement)).toBe(true);
});

it("stops Redis: writes are refused with a reason; after its start every saved change is there", async () => {
  await press("Stop Redis");
  await expectState("Redis", "stopped");
  await tab.press("One more");
  await tab.says("Not saved: STORE_UNAVAILABLE");
  await expectState("Process 4", "runs without its store");
  await press("Start Redis");
  await expectState("Redis", "runs");
  await expectState("Process 4", "runs");
  await expect
    .poll(async () => {
      await tab.press("One more");
      return Number((await tab.shown()).count);
    }, SOON)
    .toBeGreaterThan(25);
  expect(visitor.complaints).toEqual([]);
});

it("refuses actions of other origins, and the stream to other hosts", async () => {
  const path = `${demo.url}operator/processes/1/kill`;
  const foreign = { method: "POST", headers: { origin: "http://evil.example" } };
  expect((await fetch(path, foreign)).status).toBe(403);
  expect((await fetch(path, { method: "POST" })).status).toBe(403);
  const own = { method: "POST", headers: { origin: new URL(demo.url).origin } };
  const unknown = await fetch(`${demo.url}operator/processes/9/kill`, own);
  expect([unknown.status, await unknown.text()]).toEqual([409, "There is no such process now."]);
});

it("ends every process and the Redis that it started", async () => {
  const port = Number(/Redis at redis:\/\/127\.0\.0\.1:(\d+)/.exec(demo.output())?.[1]);
  const pids = await Promise.all([1, 2, 3, 4].map((number) => pidOf(`Process ${number}`)));
  expect(await demo.end("SIGINT")).toMatchObject({ code: 0 });
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow("fetch failed");
});

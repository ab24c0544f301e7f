/** Login, logout everywhere, a deadline, and messages that were sent while the session had no connection. */
import { expect, it } from "vitest";
import { useDemo } from "./setting.ts";
import { expectToShow, Visitor } from "./visitor.ts";
import type { Tab } from "./visitor.ts";

const setting = useDemo();

async function expectTicked(tab: Tab, step: string): Promise<void> {
  const done = tab.page.locator("#steps li.done strong");
  await expect.poll(() => done.allInnerTexts()).toContain(step);
}

async function logIn(tab: Tab, user: string): Promise<void> {
  await tab.turnTo();
  await tab.page.getByLabel(/^User/).fill(user);
  await tab.press("Log in");
  await tab.says(`Logged in as ${user}`);
}

it("logs in in two browsers, keeps the session, and logs out in both at once", async () => {
  const first = await setting.open("1-ws");
  await first.isConnectedThrough("ws");
  await first.rename("Ada");
  await expectToShow(first, { name: "Ada" });
  const { id } = await first.shown();
  await logIn(first, "ada");
  await expectToShow(first, { id, name: "Ada" });

  const otherBrowser = await Visitor.arrive(setting.visitor.context.browser()!);
  const second = await otherBrowser.open(setting.demo.url, "1-uws");
  await second.isConnectedThrough("uWebSockets.js");
  await logIn(second, "ada");
  await second.press("Log out everywhere");
  for (const tab of [first, second]) {
    await tab.hasEnded();
    await tab.logged("4410 the session was destroyed");
  }
  await expectTicked(second, "Log in, and log out everywhere");
  expect([...setting.visitor.complaints, ...otherBrowser.complaints]).toEqual([]);
  await otherBrowser.leave();
});

it("misses no message that was sent while it was away", async () => {
  const tab = await setting.open("1-uws");
  await tab.isConnectedThrough("uWebSockets.js");
  await tab.press("Drop me, and send 3 messages");
  await tab.says("Kept message 3 of 3");
  for (const number of [1, 2, 3]) await tab.logged(`Message ${number} of 3, sent while you were away`);
  await expectTicked(tab, "Miss nothing");
});

it("gets 4419, and shows that its session has expired", async () => {
  const tab = await setting.open("1-ws");
  await tab.isConnectedThrough("ws");
  await tab.press("Let the session expire in 5 s");
  await tab.says("The session expires in 5 seconds");
  await tab.hasEnded();
  await tab.logged("4419 the session expired");
  await expectTicked(tab, "Let the session expire");
});

it.each([
  { what: "a laptop", width: 1280, height: 800 },
  { what: "a phone", width: 390, height: 844 },
])(
  "has 'What just happened' in sight on the screen of $what, and nothing jumps",
  async ({ width, height }) => {
    const tab = await setting.open("1-ws");
    await tab.isConnectedThrough("ws");
    await tab.page.setViewportSize({ width, height });
    const happened = tab.page.locator(".happened");
    const before = await happened.boundingBox();
    await tab.press("One more");
    await tab.says(/^Saved as version/);
    const after = await happened.boundingBox();
    expect(after!.y + after!.height).toBeLessThanOrEqual(height);
    // On the screen, and where it was: the button is further down the page, so the page has scrolled.
    expect(after).toEqual(before);
    expect(after!.y).toBeGreaterThan(0);
    // Nothing is wider than the screen.
    expect(await tab.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  },
);

import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { startSettings as Start } from "../src/presence/settings-page.ts";

const { startSettings }: { startSettings: typeof Start } = await import("../dist/presence/settings-page.js");
const executablePath = process.env["WSESSION_CHROMIUM"] ?? "/usr/bin/chromium";
const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath, args });
});
afterAll(() => browser.close());

/** A browser of its own on the page, signed in as the user. */
async function signIn(url: string, user: string, userAgent: string): Promise<Page> {
  const context = await browser.newContext({ userAgent });
  const page = await context.newPage();
  await page.goto(url);
  await page.fill("input[name=user]", user);
  await page.click("text=Sign in");
  await page.waitForFunction(`document.getElementById("status").textContent === "live"`);
  return page;
}

const waitForDevices = (page: Page, count: number) =>
  page.waitForFunction(`document.querySelectorAll("#devices li").length === ${count}`);

test("the settings page lists a user's devices, signs one out, and that device's socket closes with 4410", async () => {
  const { url, stop } = await startSettings();
  onTestFinished(stop);
  const phone = await signIn(url, "ada", "phone");
  // Another user, of whose devices the page shows nothing.
  await fetch(`${url}login?user=bob`, { method: "POST" });
  const laptop = await signIn(url, "ada", "laptop");
  await waitForDevices(laptop, 2);
  const rows = await laptop.locator("#devices li").allTextContents();
  expect(rows.filter((row) => row.startsWith("phone: here since "))).toHaveLength(1);
  expect(rows.filter((row) => row.startsWith("laptop (this device): here since "))).toHaveLength(1);
  await laptop.locator("li", { hasText: "phone" }).getByRole("button").click();
  await phone.waitForFunction(`document.getElementById("status").textContent === "signed out (4410)"`);
  await waitForDevices(laptop, 1);
  expect(await laptop.locator("#devices li").allTextContents()).toEqual([
    expect.stringMatching(/^laptop \(this device\): here since /),
  ]);
  expect(await laptop.textContent("#status")).toBe("live");
  expect(await phone.evaluate("fetch('/devices').then(({ status }) => status)")).toBe(401);
}, 60_000);

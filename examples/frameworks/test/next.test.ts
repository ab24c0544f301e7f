import process from "node:process";
import { chromium } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { start } from "../src/next.ts";
import { refused, running } from "./support.ts";

test(
  "Next.js 16: a page's socket has its session beside the HMR of Next.js, and others get 401 and 404",
  { timeout: 120_000 },
  async () => {
    process.env["NEXT_TELEMETRY_DISABLED"] = "1";
    const { port } = await running(start);
    const browser = await chromium.launch({
      executablePath: process.env["WSESSION_CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
    });
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    const hmr = new Promise<unknown>((resolve) => {
      page.on("websocket", (socket) => {
        if (socket.url().includes("/_next/hmr")) socket.once("framereceived", resolve);
      });
    });
    await page.goto(`http://localhost:${port}/?user=ada`);
    await page.locator("#answer").getByText("ada: hello").waitFor();
    // A message of Next.js, whose HMR has the same server.
    await hmr;
    expect(await refused(`ws://127.0.0.1:${port}/socket`)).toBe(401);
    expect(await refused(`ws://127.0.0.1:${port}/`)).toBe(404);
  },
);

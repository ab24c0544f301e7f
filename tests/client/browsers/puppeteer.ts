/** Chromium, over the protocol of its developer tools, and Firefox, over WebDriver BiDi. */
import { setTimeout as delay } from "node:timers/promises";
import { launch } from "puppeteer-core";
import type { Browser, Page } from "puppeteer-core";
import type { BrowserDriver, Tab } from "./driver.ts";

export async function startChromium(): Promise<BrowserDriver> {
  const browser = await launch({
    executablePath: process.env["WSESSION_CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run"],
    // Background tabs are slowed down, as they are for users.
    ignoreDefaultArgs: [
      "--disable-background-timer-throttling",
      "--disable-backgrounding-occluded-windows",
      "--disable-renderer-backgrounding",
    ],
  });
  return driverOf("Chromium", browser, (page) => ({ ...tabOf(page), setFrozen: freezerOf(page) }));
}

export async function startFirefox(): Promise<BrowserDriver> {
  const executablePath = process.env["WSESSION_FIREFOX"] ?? "/usr/bin/firefox-esr";
  return driverOf("Firefox", await launch({ browser: "firefox", executablePath }), tabOf);
}

async function driverOf(name: string, browser: Browser, toTab: (page: Page) => Tab): Promise<BrowserDriver> {
  return {
    name,
    version: (await browser.version()).replace(/^.*\//, ""),
    reads1012: true,
    async newProfile() {
      const context = await browser.createBrowserContext();
      return {
        async open(url) {
          const page = await context.newPage();
          await page.goto(url);
          return toTab(page);
        },
        cookies: async () =>
          (await context.cookies()).map(({ name: cookie, value, httpOnly = false }) => ({
            name: cookie,
            value,
            httpOnly,
          })),
        close: () => context.close(),
      };
    },
    close: () => browser.close(),
  };
}

function tabOf(page: Page): Tab {
  return {
    evaluate: async <Value>(expression: string) => (await page.evaluate(expression)) as Value,
    async reload() {
      await page.reload();
    },
    setOffline: (isOffline) => page.setOfflineMode(isOffline),
  };
}

/** Chromium freezes hidden tabs alone, so another tab comes to the front. */
function freezerOf(page: Page): (isFrozen: boolean) => Promise<void> {
  let inFront: Page | undefined;
  return async (isFrozen) => {
    if (isFrozen) {
      await page.evaluate("window.isFrozen = false, document.onfreeze = () => (window.isFrozen = true)");
      await (inFront = await page.browserContext().newPage()).bringToFront();
    }
    const devtools = await page.createCDPSession();
    await devtools.send("Page.setWebLifecycleState", { state: isFrozen ? "frozen" : "active" });
    await devtools.detach();
    if (isFrozen) {
      // The command returns before the page is frozen. Until then the page still receives messages.
      while ((await page.evaluate("window.isFrozen")) !== true) await delay(20);
    } else {
      await page.bringToFront();
      await inFront?.close();
    }
  };
}

/** Which browsers the scenarios run in: `WSESSION_BROWSERS` names them, and `npm run test:browsers` sets it. */
import type { BrowserDriver } from "./driver.ts";
import { startChromium, startFirefox } from "./puppeteer.ts";
import { startWebKit } from "./webkit.ts";

declare module "vitest" {
  interface TaskMeta {
    /** What the test ran in, for the table of docs/compatibility.md. */
    platform?: string;
  }
}

const drivers: Readonly<Record<string, () => Promise<BrowserDriver>>> = {
  chromium: startChromium,
  firefox: startFirefox,
  webkit: startWebKit,
};

export const browserNames: readonly string[] = (process.env["WSESSION_BROWSERS"] ?? "chromium").split(",");

export function startDriver(name: string): Promise<BrowserDriver> {
  const start = drivers[name];
  if (start === undefined) throw new Error(`no such browser: ${name}`);
  return start();
}

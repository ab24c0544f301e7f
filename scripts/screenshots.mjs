// `npm run screenshots`: writes docs/images, from the demo with a Redis of its own. The README and docs/telemetry.md show them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";
import { chromium } from "playwright-core";
import { provideTools } from "./provide.mjs";

const root = join(import.meta.dirname, "..");
/** @type {readonly ({ readonly name: string } & import("playwright-core").BrowserContextOptions)[]} */
const SCREENS = [
  { name: "light", colorScheme: "light", viewport: { width: 1280, height: 800 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1280, height: 800 } },
];
/** The operator's page shows rates: let some seconds pass between two things, so that its lines have a form. */
const PAUSE_MS = 1_500;

const environment = { ...process.env, ...(await provideTools(process.env)) };
const demo = spawn(process.execPath, [join(root, "apps/demo/dist/main.js"), "--port", "0", "--redis"], {
  env: environment,
  stdio: ["ignore", "pipe", "inherit"],
});
const browser = await chromium.launch({
  executablePath: environment["WSESSION_CHROMIUM"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
try {
  const url = await urlOf(demo);
  for (const { name, ...options } of SCREENS) await take(url, name, options);
} finally {
  await browser.close();
  demo.kill("SIGTERM");
  await once(demo, "exit");
}

/** @param {import("node:child_process").ChildProcess} child */
async function urlOf(child) {
  let output = "";
  for await (const text of child.stdout ?? []) {
    output += text;
    const url = /http:\/\/localhost:\d+\//.exec(output)?.[0];
    if (url !== undefined && output.includes("operator")) return url;
  }
  throw new Error(`the demo ended:\n${output}`);
}

/**
 * @param {string} url
 * @param {string} name
 * @param {import("playwright-core").BrowserContextOptions} options
 */
async function take(url, name, options) {
  const context = await browser.newContext(options);
  const operator = await context.newPage();
  await operator.goto(`${url}operator`);
  const visitor = await context.newPage();
  await visitor.goto(url);
  const press = (/** @type {string} */ label) =>
    visitor.getByRole("button", { name: label, exact: true }).click();
  await visitor.getByText(/^Connected through/).waitFor();
  for (const label of ["+25 in one tick", "One more", "Drop me, and send 3 messages"]) {
    await press(label);
    await wait(PAUSE_MS);
  }
  await visitor.getByText(/^Connected through/).waitFor();
  await visitor.evaluate(() => scrollTo(0, 0));
  await visitor.screenshot({ path: join(root, `docs/images/visitor-${name}.png`) });
  await operator.bringToFront();
  await operator.getByRole("button", { name: "Kill Process 2" }).click();
  await wait(2 * PAUSE_MS);
  await operator.locator("summary").first().click();
  // The strip at the lower edge of the screen would be in the middle of a picture of the full page.
  const height = await operator.evaluate(() => document.documentElement.scrollHeight);
  await operator.setViewportSize({ width: 1280, height });
  await operator.screenshot({ path: join(root, `docs/images/operator-${name}.png`) });
  await context.close();
}

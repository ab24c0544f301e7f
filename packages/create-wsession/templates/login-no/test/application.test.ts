import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "../src/application.ts";
import { Browser, clicks } from "./browser.ts";

test("a click counts once, and is there when the browser comes back", { timeout: 10_000 }, async (t) => {
  const application = await start(0);
  const [browser, stranger] = [new Browser(application.port), new Browser(application.port)];
  t.after(async () => {
    await Promise.all([browser.close(), stranger.close()]);
    await application.stop();
  });
  const page = await browser.fetch("/");
  assert.match(await page.text(), /<script type="module"/);
  assert.equal((await browser.fetch("/page.js")).status, 200);

  const first = browser.connect();
  await clicks(first, 0);
  const counted = clicks(first, 2);
  await Promise.all([first.send("click"), first.send("click")]);
  await counted;
  await first.close();

  const second = browser.connect();
  await clicks(second, 2);
  await assert.rejects(second.send("nonsense"), { code: "unknown-message" });
  await second.close();

  await clicks(stranger.connect(), 0);
});

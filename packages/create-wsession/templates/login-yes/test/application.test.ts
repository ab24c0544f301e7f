import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "../src/application.ts";
import { Browser, clicks, closed } from "./browser.ts";

test("only a login has a session, and a logout closes its connections", { timeout: 10_000 }, async (t) => {
  const application = await start(0);
  const browser = new Browser(application.port);
  t.after(async () => {
    await browser.close();
    await application.stop();
  });
  const page = await browser.fetch("/");
  assert.match(await page.text(), /<script type="module"/);
  assert.equal((await browser.fetch("/page.js")).status, 200);

  assert.equal(await closed(browser.connect()), "login");
  const broken = { method: "POST", body: '{"name":' };
  assert.equal((await fetch(`http://localhost:${application.port}/login`, broken)).status, 400);
  assert.equal((await browser.fetch("/login", { name: "ada", password: "byron" })).status, 401);
  assert.equal((await browser.fetch("/login", { name: "ada", password: "lovelace" })).status, 204);

  const client = browser.connect();
  await clicks(client, 0);
  const counted = clicks(client, 2);
  await Promise.all([client.send("click"), client.send("click")]);
  await counted;
  await assert.rejects(client.send("nonsense"), { code: "unknown-message" });

  const gone = closed(client);
  assert.equal((await browser.fetch("/logout", {})).status, 204);
  assert.equal(await gone, "login");
});

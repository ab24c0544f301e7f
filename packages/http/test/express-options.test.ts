/** The options of express-session that change when its store is called, and many requests of one session at once. */
import { createServer } from "node:http";
import { createSessions } from "@wsession/core";
import { expressStore } from "@wsession/http";
import express from "express";
import session from "express-session";
import type { SessionOptions } from "express-session";
import { expect, onTestFinished, test } from "vitest";
import { newGap } from "../../../tests/gaps.ts";
import { openStore } from "../../../tests/stores.ts";
import { useRedisServer } from "../../store-redis/test/shared-servers.ts";
import { Browser } from "./browser.ts";
import { listen } from "./listen.ts";

const redis = useRedisServer();
const secret = "a secret of at least thirty-two characters";

async function application(options: Partial<SessionOptions>, kind: "map" | "redis" = "map") {
  const sessions = createSessions<object>({ store: openStore(kind, redis.port) });
  onTestFinished(() => sessions.close());
  const app = express();
  const gap = newGap();
  const failures: unknown[] = [];
  const own = { secret, resave: false, saveUninitialized: false, ...options };
  app.use(session({ store: expressStore(sessions), ...own }));
  app.post("/set/:name", (request, response) => {
    Object(request.session)[request.params.name] = request.params.name;
    response.sendStatus(204);
  });
  app.post("/slow", async (_, response) => {
    await gap.wait();
    response.sendStatus(204);
  });
  app.post("/unset", (request, response) => {
    Reflect.set(request, "session", null);
    response.sendStatus(204);
  });
  app.get("/", (request, response) => {
    const { cookie: _, ...data } = request.session;
    response.json(data);
  });
  app.use((error: unknown, _: express.Request, response: express.Response, __: express.NextFunction) => {
    failures.push(error);
    if (!response.headersSent) response.sendStatus(500);
  });
  const server = createServer(app);
  const base = await listen(server);
  const count = async (): Promise<number> => {
    let found = 0;
    for await (const _ of sessions.entries()) found += 1;
    return found;
  };
  const browser = new Browser(base, "");
  const data = async (): Promise<unknown> => (await browser.fetch("/")).json();
  return { browser, data, gap, count, failures };
}

test.each(["map", "redis"] as const)(
  "each of twelve requests at once keeps the field that it wrote (I8), on the %s store",
  async (kind) => {
    const { browser, data, failures } = await application({}, kind);
    const names = Array.from({ length: 12 }, (_, index) => `field${index}`);
    await browser.post("/set/user");
    await Promise.all(names.map((name) => browser.post(`/set/${name}`)));
    expect(await data()).toEqual(Object.fromEntries(["user", ...names].map((name) => [name, name])));
    expect(failures).toEqual([]);
  },
);

test("resave: true saves an unchanged session, and does not undo writes of others meanwhile", async () => {
  const { browser, data, gap } = await application({ resave: true });
  await browser.post("/set/user");
  const slow = browser.post("/slow");
  await gap.reached;
  await browser.post("/set/theme");
  gap.letGo();
  await slow;
  expect(await data()).toEqual({ user: "user", theme: "theme" });
});

test('unset: "destroy" destroys the session, and "keep" leaves it', async () => {
  for (const [unset, left] of [
    ["destroy", 0],
    ["keep", 1],
  ] as const) {
    const { browser, count, failures } = await application({ unset });
    await browser.post("/set/user");
    expect(await count()).toBe(1);
    await browser.post("/unset");
    expect([await count(), failures]).toEqual([left, []]);
  }
});

test("saveUninitialized: true stores the session of a visitor who wrote nothing, once", async () => {
  const { browser, data, count } = await application({ saveUninitialized: true });
  expect(await data()).toEqual({});
  expect(await data()).toEqual({});
  expect(browser.cookies.has("connect.sid")).toBe(true);
  expect(await count()).toBe(1);
});

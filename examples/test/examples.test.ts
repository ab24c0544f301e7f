import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import { main as gate } from "../dist/gate.js";
import { main as httpLogin } from "../dist/http-login.js";
import { main as inConnection } from "../dist/in-connection.js";
import { main as mapResume } from "../dist/map-resume.js";
import { main as mapSearch } from "../dist/map-search.js";
import { main as ownLogin } from "../dist/own-login.js";
import { main as ready } from "../dist/ready.js";
import { main as redisShared } from "../dist/redis-shared.js";
import { main as twoLayers } from "../dist/two-layers.js";

const root = join(import.meta.dirname, "..", "..");

test("in-connection: a session that only its own connection uses", async () => {
  expect(await inConnection()).toEqual(["you are in lobby", "you are in garden"]);
});

test("map-search: sessions are counted and searched", async () => {
  expect(await mapSearch()).toEqual(["3 sessions", "reached 2", "tea is served", "tea is served"]);
});

test("map-resume: a session outlives its connection", async () => {
  expect(await mapResume()).toEqual(["put apple", "welcome back, 1 in your cart"]);
});

test("gate: messages wait, in order, until the session is set", async () => {
  expect(await gate()).toEqual(["ada: one", "ada: two", "ada: three"]);
});

test("ready: code outside of a message handler waits for the session, and gets an error if the connection ends first", async () => {
  expect(await ready()).toEqual(["ada has the queen of hearts", "gone before the login"]);
});

test("two-layers: the transport's record and the session do not touch each other", async () => {
  expect(await twoLayers()).toEqual(["grace, 995 bytes left", "proxied: true"]);
});

test("redis-shared: a session on two nodes, changed on one and destroyed on the other", async () => {
  const redis = await startRedis();
  try {
    const lines = await redisShared(`redis://${redis.host}:${redis.port}`);
    expect(lines).toEqual(["node 2: score 0", "node 2: score 1", "closed with 4410 and 4410"]);
  } finally {
    await redis.stop();
  }
});

test("http-login: HTTP logs in and out, the WebSocket has the session, SIGTERM ends all in order", async () => {
  const redis = await startRedis();
  try {
    expect(await httpLogin(`redis://${redis.host}:${redis.port}`)).toEqual([
      "a wrong password: 401, no cookie: 4401",
      "ada: 1",
      "ada: 1",
      '{"user":"ada","visits":1}',
      "a logout from another site: 403",
      "logged out: 4410 and 4410",
      "the cookie of before: 4401",
      "stopped: 1012",
    ]);
  } finally {
    await redis.stop();
  }
});

test("http-express: routes that log in and out, and the logins of express-session in admit", async () => {
  const { main }: { main(): Promise<string[]> } = await import("../dist/http-express.js");
  expect(await main()).toEqual([
    '{"name":"Ada"}',
    "null",
    "welcome ada",
    "Error: Unexpected server response: 401",
  ]);
});

test("http-other-logins: admit asks Auth.js and better-auth who connects, and they refuse a forged cookie and one of a user who signed out", async () => {
  const { main }: { main(): Promise<string[]> } = await import("../dist/http-other-logins.js");
  expect(await main()).toEqual([
    "welcome ada@example.com",
    "Error: Unexpected server response: 401",
    "welcome Ada",
    "Error: Unexpected server response: 401",
    "Error: Unexpected server response: 401",
    "Error: Unexpected server response: 401",
  ]);
});

test("auth-js-database: a session that Auth.js has in its database, an expired one, and a database that fails", async () => {
  const { main }: { main(): Promise<string[]> } = await import("../dist/auth-js-database.js");
  expect(await main()).toEqual([
    "Auth.js: ada@example.com",
    "welcome ada",
    "expired: Error: Unexpected server response: 401",
    "logged out: Error: Unexpected server response: 401",
    "no cookie: Error: Unexpected server response: 401",
    "away: Error: Unexpected server response: 500",
    "reported: Error: the database is away",
  ]);
});

test("own-login: the application's cookie names the session, and a new session replaces a destroyed one", async () => {
  expect(await ownLogin()).toEqual([
    "welcome",
    "welcome back",
    "welcome",
    "Error: Unexpected server response: 401",
  ]);
});

const steps = [
  { step: "step-01-echo", lines: ["you said hello"] },
  { step: "step-02-session", lines: ["ada has 1", "ada has 2"] },
  { step: "step-03-admit", lines: ["welcome ada", "Error: Unexpected server response: 401"] },
  { step: "step-04-come-back", lines: ["you have 1", "welcome back, you have 1"] },
  { step: "step-05-tabs", lines: ["second tab", "score is 1"] },
  { step: "step-06-from-elsewhere", lines: ["true", "you have 10", "best: 10", "false"] },
  { step: "step-07-log-out", lines: ["phone 4410, laptop 4410", "4401"] },
  { step: "step-08-two-processes", lines: ["you have 1", "you have 1"] },
  { step: "step-09-other-runtime", lines: ["you have 1, on ws", "you have 1, on uws"] },
  { step: "step-10-shutdown", lines: ["1012 and 1012", "no server listens"] },
  { step: "step-11-nothing-missing", lines: ["you said hello", "news (kept)"] },
];

test.each(steps)("the tutorial's $step does what the page says", async ({ step, lines }) => {
  const redis = step === "step-08-two-processes" ? await startRedis() : undefined;
  try {
    const url = redis === undefined ? "" : `redis://${redis.host}:${redis.port}`;
    const { main }: { main(redisUrl: string): Promise<string[]> } = await import(
      `../dist/tutorial/${step}.js`
    );
    expect(await main(url)).toEqual(lines);
  } finally {
    await redis?.stop();
  }
});

const answers = [
  {
    program: "send-to-user",
    lines: ["sent to 2", "tea", "tea", "notified 2", "1 unread", "1 unread"],
  },
  { program: "who-is-online", lines: ["ada true, bob false", "ada", "ada false"] },
  { program: "expiry", lines: ["log in again within 720 minutes", "thank you"] },
  {
    program: "lifetimes",
    lines: ["90 days", "1 days", "closed with 4419", "idle deadline: Infinity"],
  },
  { program: "one-login", lines: ["welcome ada", "welcome ada", "phone: 4409"] },
  { program: "in-tests", lines: ["passed"] },
  {
    program: "verify-once",
    lines: [
      "ada is admin",
      "ada is admin",
      "Error: Unexpected server response: 401",
      "ada left: 1005, by the peer",
      "2 verified",
    ],
  },
];

test.each(answers)("how do I …? $program", async ({ program, lines }) => {
  const { main }: { main(): Promise<string[]> } = await import(`../dist/how-do-i/${program}.js`);
  expect(await main()).toEqual(lines);
});

test("how do I …? room: a message reaches the members on both processes", async () => {
  const redis = await startRedis();
  try {
    const { main }: { main(redisUrl: string): Promise<string[]> } = await import("../dist/how-do-i/room.js");
    expect(await main(`redis://${redis.host}:${redis.port}`)).toEqual([
      "bob: bob is here",
      "ada: tea in the lobby",
      "cyd: tea in the lobby",
      "ada: ada is here",
      "bob: ada is here",
    ]);
  } finally {
    await redis.stop();
  }
});

test("presence: the devices of a user for a settings page", async () => {
  const { main }: { main(): Promise<string[]> } = await import("../dist/presence/devices.js");
  expect(await main()).toEqual([
    "phone: here, laptop: away",
    "bob may log it out: false",
    "ada may: true, phone: 4410",
    "laptop: away",
  ]);
});

const kept = [
  { program: "offline", lines: ["waiting", "kept for 1", "your parcel is here (kept)"] },
  { program: "unread", lines: ["unread: 7 (kept)", "that is all (kept)"] },
  { program: "reopened", lines: ["one (kept)", "three"] },
  { program: "stream", lines: ["The sea is deep and blue."] },
];

test.each(kept)("kept messages: $program (I15, I16)", async ({ program, lines }) => {
  const { main }: { main(): Promise<string[]> } = await import(`../dist/kept/${program}.js`);
  expect(await main()).toEqual(lines);
});

test("presence: a client follows another user", async () => {
  const { main }: { main(): Promise<string[]> } = await import("../dist/presence/contacts.js");
  expect(await main()).toEqual(["bob is offline", "bob is online", "bob is offline"]);
});

test("transactions: a handler that runs twice charges once, and a refusal has its detail (I21)", async () => {
  const { main }: { main(): Promise<string[]> } = await import("../dist/transactions/payment.js");
  expect(await main()).toEqual([
    "paid 40",
    "2 requests, 1 charge",
    'refused: {"credit":50}',
    '{"credit":50,"paid":40}',
  ]);
});

test("typed messages: page and server share a file, and each checks what it sends and receives", async () => {
  const { main }: { main(): Promise<string[]> } = await import("../dist/messages/server.js");
  expect(await main()).toEqual([
    "closes in 2027",
    "vase is at 40",
    "MessageError: bid does not satisfy its schema at amount",
  ]);
});

test("the README's example is examples/src/readme.ts, which the build type-checks", async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  expect(codeBlocks(readme)[0]).toBe((await regions("readme.ts")).get("readme"));
});

test.each([
  {
    page: "docs/choosing-a-store.md",
    files: ["in-connection", "map-search", "map-resume", "redis-shared"],
  },
  { page: "docs/connections.md", files: ["gate", "ready", "two-layers"] },
  {
    page: "docs/http.md",
    files: ["http-login", "http-express", "http-other-logins", "auth-js-database", "own-login"],
  },
  {
    page: "docs/how-do-i.md",
    files: [
      ...answers.map(({ program }) => `how-do-i/${program}`),
      "how-do-i/room",
      ...kept.map(({ program }) => `kept/${program}`),
    ],
  },
  {
    page: "docs/messages.md",
    files: ["messages/auction", "messages/server", "messages/over-socket"],
  },
  { page: "docs/operations.md", files: ["operations/probes"] },
  { page: "docs/transactions.md", files: ["transactions/payment", "pages/transactions-sql"] },
  { page: "docs/tutorial.md", files: steps.map(({ step }) => `tutorial/${step}`) },
])("every code block of $page stands in an example that runs", async ({ page, files }) => {
  const guide = await readFile(join(root, page), "utf8");
  const known = await Promise.all(files.map((name) => regions(`${name}.ts`)));
  const texts = new Set(known.flatMap((region) => [...region.values()]));
  const blocks = codeBlocks(guide);
  expect(blocks.length).toBe(texts.size);
  for (const block of blocks) expect(texts).toContain(block);
});

/** The code blocks of a page, in order. */
function codeBlocks(page: string): string[] {
  return [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);
}

/** What stands between `// #region NAME` and `// #endregion`, not indented. */
async function regions(file: string): Promise<Map<string, string>> {
  const source = await readFile(join(root, "examples/src", file), "utf8");
  const found = new Map<string, string>();
  for (const [, indent = "", name = "", body = ""] of source.matchAll(
    /^( *)\/\/ #region (\S+)\n(.*?)^ *\/\/ #endregion$/gms,
  )) {
    found.set(name, body.replaceAll(new RegExp(`^${indent}`, "gm"), ""));
  }
  return found;
}

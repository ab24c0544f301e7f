import { createSessions } from "@wsession/core";
import type { SessionEvent } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { aCreation, FakeHost, hold } from "../../store-redis/test/fake-host.ts";
import { useRedisServer } from "../../store-redis/test/shared-servers.ts";
import { wsession } from "./program.ts";

const redis = useRedisServer();
let prefixes = 0;

/** The sessions of an application, with a connection of one of them, and the arguments by which the command finds them. */
async function application() {
  const prefix = `cli${(prefixes += 1)}`;
  const client = new Redis(redis.port, "127.0.0.1");
  const host = new FakeHost();
  // A busy machine may take long.
  const timeoutMs = 10_000;
  const store = redisStore({ client, prefix, node: "web-1", timeoutMs });
  store.attach(host);
  const sessions = createSessions({ store: redisStore({ client, prefix, timeoutMs }), initial: () => ({}) });
  onTestFinished(async () => {
    await Promise.all([store.close(), sessions.close()]);
    client.disconnect();
  });
  const held = async (subject?: string, data: object = { visits: 1 }) => {
    const creation = aCreation({ subject, data });
    await store.create(creation);
    await hold(store, host, creation.id);
    return creation.id;
  };
  const at = ["--timeout", "10s", "--redis", `redis://127.0.0.1:${redis.port}`, "--prefix", prefix];
  return { at, client, held, host, prefix, sessions };
}

const json = (text: string): unknown => JSON.parse(text);

test("inspect counts sessions, holders, tombstones, dead entries and unreadable records", async () => {
  const { at, client, held, prefix, sessions } = await application();
  await held("ada");
  const { session: dead } = await sessions.create({}, { subject: "bob" });
  await client.del(`${prefix}:s:{${dead.id}}`);
  const { session: moved } = await sessions.create({}, { subject: "ada" });
  await moved.identify("eve");
  const { session: over } = await sessions.create({});
  await sessions.destroy(over.id, "over");
  await client.hset(`${prefix}:s:{damaged}`, "m", "junk");
  await client.set(`${prefix}:s:{text}`, "no hash");
  const ended = await wsession(["inspect", "--json", ...at]);
  expect(json(ended.stdout)).toMatchObject({
    complete: true,
    sessions: 2,
    withSubject: 2,
    connected: 1,
    connections: 1,
    destroyed: 1,
    subjects: 2,
    // The entries of the deleted session, and of the session that has another subject now.
    deadIndexEntries: 2,
    indexEntries: 4,
    unreadable: expect.arrayContaining(["damaged", "text"]),
    processes: [{ node: "web-1", sessions: 1, connections: 1, alive: true }],
  });
  // An unreadable record is a finding.
  expect(ended).toMatchObject({ code: 1, stderr: "" });
});

test("show prints a session and its holders, and the data only with --data", async () => {
  const { at, held } = await application();
  const id = await held("ada", { secret: "of the application" });
  const ended = await wsession(["show", id, ...at]);
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(ended.stdout).toMatch(/subject +ada\n/);
  expect(ended.stdout).toMatch(/held by +web-1~\S+: 1 connection\n/);
  expect(ended.stdout).toContain("not shown: --data shows it");
  expect(ended.stdout).not.toContain("of the application");
  const { stdout } = await wsession(["show", id, "--data", "--json", ...at]);
  expect(json(stdout)).toMatchObject({ id, version: 1, data: { secret: "of the application" } });
});

test("no command prints a token, its digest, or a token that is in the data", async () => {
  const { at, client, prefix, sessions } = await application();
  const other = await sessions.create({});
  const { session, token } = await sessions.create(
    { other: other.token, [other.token]: 1 },
    { subject: token0 },
  );
  const digest = await client.hget(`${prefix}:s:{${session.id}}`, "v");
  expect(digest).toMatch(/^[\w-]{43}$/);
  const calls = [
    ["show", session.id, "--data"],
    ["show", session.id, "--data", "--json"],
    ["inspect", "--list"],
    ["inspect", "--list", "--json"],
    ["subject", token0],
    ["subject", token0, "--json"],
    // The sessions have no such field, so the command lists them as of unknown age.
    ["revoke", "--before", "1h ago", "--field", "loggedInAt", "--dry-run"],
    ["revoke", "--before", "1h ago", "--field", "loggedInAt", "--dry-run", "--json"],
  ];
  for (const args of calls) {
    const { stdout, stderr } = await wsession([...args, ...at]);
    expect(stdout).toContain(session.id);
    for (const secret of [token, other.token, token0, digest!])
      expect(stdout + stderr).not.toContain(secret.split(".").at(-1));
  }
  for (const args of [
    ["destroy", "--subject", token0, "--reason", token0, "--yes"],
    ["destroy", other.session.id, "--reason", token, "--yes", "--json"],
    ["doctor", "--json"],
  ]) {
    const { stdout, stderr } = await wsession([...args, ...at]);
    expect(stdout).not.toBe("");
    for (const secret of [token, other.token, token0, digest!])
      expect(stdout + stderr).not.toContain(secret.split(".").at(-1));
  }
  const refused = await wsession(["show", token, ...at]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("that is a token");
  expect(refused.stdout + refused.stderr).not.toContain(token.slice(23));
  // Twelve processes one after another.
}, 120_000);

/** A subject of the form of a token. */
const token0 = `${"s".repeat(22)}.${"v".repeat(43)}`;

test("text from Redis can't control the terminal, and stays readable as JSON", async () => {
  const { at, held } = await application();
  const subject = "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}evil\nsessions 0";
  const id = await held(subject, { note: "\u{1b}[2J\u{9d}" });
  const plain = await wsession(["show", id, "--data", ...at]);
  const list = await wsession(["inspect", "--list", ...at]);
  for (const { stdout } of [plain, list]) {
    // Line feeds of the command itself, and nothing else.
    expect(stdout).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
    expect(stdout).toContain("\\u{1b}]0;owned\\u{7}\\u{9b}31m\\u{202e}evil\\u{a}sessions 0");
  }
  const { stdout } = await wsession(["show", id, "--data", "--json", ...at]);
  expect(stdout.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(json(stdout)).toMatchObject({ subject, data: { note: "\u{1b}[2J\u{9d}" } });
});

test("subject lists live sessions and dead entries, and fails for a subject without a session", async () => {
  const { at, client, held, prefix, sessions } = await application();
  const id = await held("ada");
  const { session: dead } = await sessions.create({}, { subject: "ada" });
  await client.del(`${prefix}:s:{${dead.id}}`);
  const ended = await wsession(["subject", "ada", "--json", ...at]);
  expect(ended.code).toBe(0);
  expect(json(ended.stdout)).toMatchObject({
    sessions: [{ id, holders: [{ node: "web-1", connections: 1, alive: true }] }],
    dead: [dead.id],
  });
  expect((await wsession(["subject", "nobody", ...at])).code).toBe(1);
});

describe("destroy", () => {
  test("ends a session in the process that holds it, and needs --yes without a terminal", async () => {
    const { at, held, host } = await application();
    const id = await held("ada");
    const refused = await wsession(["destroy", id, ...at]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("--yes") });
    expect(host.eventsOf(id)).toEqual([]);
    const ended = await wsession(["destroy", id, "--reason", "stolen", "--yes", "--json", ...at]);
    expect(json(ended.stdout)).toEqual({ destroyed: 1, closed: 1, unreachable: [] });
    expect(ended.code).toBe(0);
    expect(host.eventsOf(id)).toContainEqual({ type: "destroyed", id, reason: "stolen" });
    const again = await wsession(["show", id, ...at]);
    expect(again.stdout).toContain("destroyed: stolen");
    expect(again.code).toBe(1);
  });

  test("with --subject ends only the sessions of the subject; an id may begin with a hyphen", async () => {
    const { at, held, sessions } = await application();
    await held("ada");
    await sessions.create({}, { subject: "ada" });
    const { session: other } = await sessions.create({}, { subject: "bob" });
    const ended = await wsession(["destroy", "--subject", "ada", "--yes", "--json", ...at]);
    expect(json(ended.stdout)).toMatchObject({ destroyed: 2, closed: 1 });
    expect(await sessions.get(other.id)).toBeDefined();
    const unknown = await wsession(["destroy", `-${"a".repeat(21)}`, "--yes", ...at]);
    expect(unknown).toMatchObject({ code: 1, stdout: "0 sessions destroyed, 0 connections closed\n" });
  });
});

test("revoke ends the sessions that are older than a time, by a field of the data or by the absolute deadline", async () => {
  const { at, sessions } = await application();
  const hour = 3_600_000;
  const login = (loggedInAt: unknown, absoluteMs?: number) =>
    sessions.create({ loggedInAt }, absoluteMs === undefined ? {} : { absoluteMs });
  const { session: old } = await login(Date.now() - 2 * hour);
  const { session: text } = await login(new Date(Date.now() - 2 * hour).toISOString());
  const { session: fresh } = await login(Date.now());
  const { session: unknown } = await login("yesterday");
  const byField = ["revoke", "--before", "1h ago", "--field", "loggedInAt", "--json", ...at];
  const dry = await wsession([...byField, "--dry-run"]);
  expect(json(dry.stdout)).toMatchObject({ scanned: 4, old: 2, unknown: [unknown.id], destroyed: 0 });
  expect(await sessions.get(old.id)).toBeDefined();
  const ended = await wsession([...byField, "--yes"]);
  // A session of unknown age stays, and makes the command fail.
  expect(json(ended.stdout)).toMatchObject({ old: 2, destroyed: 2, unknown: [unknown.id] });
  expect(ended.code).toBe(1);
  expect(await Promise.all([old, text, fresh, unknown].map(({ id }) => sessions.get(id)))).toEqual([
    undefined,
    undefined,
    expect.anything(),
    expect.anything(),
  ]);
  // The deadlines are those of createSessions: a day from now. One has a lifetime of its own.
  const { session: own } = await login(0, 2 * hour);
  const all = await wsession([
    "revoke",
    "--before",
    "30min ago",
    "--absolute",
    "25h",
    "--yes",
    "--json",
    ...at,
  ]);
  expect(json(all.stdout)).toMatchObject({ scanned: 3, old: 2, destroyed: 2, unknown: [] });
  expect(all.code).toBe(0);
  expect(await sessions.get(own.id)).toBeDefined();
});

test("sessions that destroy and revoke end cause the event destroyed in a server that has a function for it", async () => {
  const { at, client, prefix } = await application();
  const reported: string[] = [];
  const destroyed = ({ subject }: SessionEvent) => void reported.push(String(subject));
  const server = createSessions({
    store: redisStore({ client, prefix, timeoutMs: 10_000 }),
    events: { destroyed },
  });
  onTestFinished(() => server.close());
  const create = async (subject: string) =>
    (await server.create({ at: Date.now() - 7_200_000 }, { subject })).session;
  const { id } = await create("ada");
  for (const subject of ["bob", "bob", "eve", "eve"]) await create(subject);
  expect((await wsession(["destroy", id, "--yes", ...at])).code).toBe(0);
  expect((await wsession(["destroy", "--subject", "bob", "--yes", ...at])).code).toBe(0);
  expect((await wsession(["revoke", "--before", "1h ago", "--field", "at", "--yes", ...at])).code).toBe(0);
  await expect.poll(() => reported.toSorted()).toEqual(["ada", "bob", "bob", "eve", "eve"]);
});

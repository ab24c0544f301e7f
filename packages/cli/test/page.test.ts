import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { COMMANDS } from "../dist/arguments.js";
import { helpOf } from "../dist/help.js";
import { aCreation, FakeHost, hold } from "../../store-redis/test/fake-host.ts";
import { useRedisServer } from "../../store-redis/test/shared-servers.ts";
import { wsession } from "./program.ts";

const redis = useRedisServer();
const page = await readFile(join(import.meta.dirname, "../../../docs/cli.md"), "utf8");

/** The blocks of the page that show a command and its output. */
const samples = [...page.matchAll(/^```console\n\$ npx wsession (.*)\n([^]*?)^```$/gm)].map(
  ([, args = "", output = ""]) => ({ args, output }),
);

/** Without what differs from run to run: ids, names of processes, addresses, numbers with their units. */
function masked(text: string): string {
  return text
    .replaceAll(/(?<![\w-])[\w-]{22}(?![\w-])/g, "ID")
    .replaceAll(/~[\w-]+/g, "~ID")
    .replaceAll(/127\.0\.0\.1:\d+/g, "ADDRESS")
    .replaceAll(/\d+(?:\.\d+)*/g, "0")
    .replaceAll(/0 (?:d|h|min|s|ms)(?: 0 (?:h|min|s|ms))?(?![a-z])/g, "TIME")
    .replaceAll(/0 [KM]?i?B/g, "SIZE")
    .replaceAll(/ +/g, " ");
}

test.each(samples)("docs/cli.md shows what `wsession $args` prints", async ({ args, output }) => {
  const client = new Redis(redis.port, "127.0.0.1");
  const host = new FakeHost();
  const store = redisStore({ client, node: "web-1", timeoutMs: 10_000 });
  store.attach(host);
  onTestFinished(async () => {
    await store.close();
    await client.flushall();
    client.disconnect();
  });
  const creations = ["ada", "ada", "bob"].map((subject) => aCreation({ subject, data: { visits: 3 } }));
  for (const creation of creations) await store.create(creation);
  const [first] = creations;
  await hold(store, host, first!.id);
  await store.destroy(creations[2]!.id, "locked", false);
  const words = args.split(" ").map((word) => (/^[\w-]{22}$/.test(word) ? first!.id : word));
  const { stdout } = await wsession([
    ...words,
    "--timeout",
    "10s",
    "--redis",
    `redis://127.0.0.1:${redis.port}`,
  ]);
  expect(masked(stdout)).toBe(masked(output));
});

test("docs/cli.md and the help have every command and every option", () => {
  expect(samples.length).toBeGreaterThan(3);
  for (const [name, { options }] of Object.entries(COMMANDS)) {
    expect(page).toContain(`wsession ${name}`);
    expect(helpOf(undefined)).toContain(`wsession ${name}`);
    expect(helpOf(name)).toContain(`wsession ${name}`);
    for (const option of options) {
      expect(page).toContain(`--${option}`);
      expect(helpOf(name)).toContain(`--${option}`);
    }
  }
  for (const option of [
    "redis",
    "sentinel",
    "cluster",
    "prefix",
    "key-prefix",
    "timeout",
    "json",
    "help",
    "version",
  ]) {
    expect(page).toContain(`\`--${option}`);
    expect(helpOf(undefined)).toContain(`--${option}`);
  }
});

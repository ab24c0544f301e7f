import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { aCreation, aWrite, FakeHost, hold } from "../../store-redis/test/fake-host.ts";
import { until } from "../../store-redis/test/redis-server.ts";
import { useRedisServer } from "../../store-redis/test/shared-servers.ts";
import { onTerminal, start, wsession } from "./program.ts";

const redis = useRedisServer();
const at = () => ["--timeout", "10s", "--redis", `redis://127.0.0.1:${redis.port}`];

/** A process of an application: its store, with a stand-in for core. */
function holder(node: string) {
  const client = new Redis(redis.port, "127.0.0.1");
  const host = new FakeHost();
  // A busy machine may take long.
  const store = redisStore({ client, node, timeoutMs: 10_000 });
  store.attach(host);
  onTestFinished(async () => {
    await store.close();
    client.disconnect();
  });
  return { store, host };
}

test("watch prints messages between processes and changes in Redis, until Ctrl-C", async () => {
  const one = holder("web-1");
  const two = holder("web-2");
  const shared = aCreation({ subject: "ada" });
  await one.store.create(shared);
  for (const { store, host } of [one, two]) await hold(store, host, shared.id);
  const running = start(["watch", "--every", "100ms", "--json", ...at()]);
  const events = () =>
    running.output.stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as { type: string; source: string; id?: string });
  const observed = async (expected: object) => {
    await until(() => events().some((event) => expect.objectContaining(expected).asymmetricMatch(event)));
  };
  await observed({ type: "watching" });
  await observed({ type: "listening" });
  // By now the listener has subscribed to the channels of the holders.
  await one.store.write(aWrite(shared.id, { visits: 1 }));
  await observed({ type: "changed", id: shared.id, version: 2, source: "channel" });
  // The store publishes no message about this session. A scan finds it.
  const alone = aCreation({ subject: "bob" });
  await one.store.create(alone);
  await observed({ type: "created", id: alone.id, subject: "bob", connections: 0, source: "scan" });
  await hold(one.store, one.host, alone.id);
  await observed({ type: "connected", id: alone.id, connections: 1, source: "scan" });
  await two.store.destroy(shared.id, "over", false);
  await observed({ type: "destroyed", id: shared.id, reason: "over", source: "channel" });
  await two.store.destroySubject("bob", undefined);
  await observed({ type: "subject-destroyed", subject: "bob", source: "channel" });
  // This session is found by a scan after the destruction.
  const later = aCreation();
  await one.store.create(later);
  await observed({ type: "created", id: later.id });
  // A subject and a reason that are tokens by mistake.
  const token = (part: string) => `${part.repeat(22)}.${part.repeat(43)}`;
  const odd = aCreation({ subject: token("s") });
  await one.store.create(odd);
  await hold(one.store, one.host, odd.id);
  await observed({ type: "created", id: odd.id });
  await two.store.destroy(odd.id, token("r"), false);
  await observed({ type: "destroyed", id: odd.id });
  expect(running.output.stdout).not.toMatch(/s{43}|r{43}/);
  running.child.kill("SIGINT");
  expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
  // The message and the next scan report the same change.
  expect(events().filter(({ type, id }) => type === "destroyed" && id === shared.id)).toHaveLength(1);
});

test("if the reader of the output goes away, the command ends without a message", async () => {
  const running = start(["--help"]);
  running.child.stdout?.destroy();
  expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
});

test.skipIf(process.platform === "darwin")(
  "on a terminal destroy asks, and does nothing without a yes",
  async () => {
    const { store } = holder("web-1");
    const { id, ...rest } = aCreation();
    await store.create({ id, ...rest });
    const declined = await onTerminal(["destroy", id, ...at()], "n\n");
    expect(declined.stdout).toContain(`Destroy the session ${id} at 127.0.0.1`);
    expect(declined.code).toBe(130);
    expect(await store.load(id)).toBeDefined();
  },
);

describe("while Redis does not answer", () => {
  test("a command fails within its time limit, and prints no password", async () => {
    redis.pause();
    onTestFinished(() => redis.continue());
    const startedAt = performance.now();
    const url = `redis://:secret-word@127.0.0.1:${redis.port}`;
    const hanging = await wsession(["inspect", "--timeout", "200ms", "--redis", url]);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    const refused = await wsession([
      "show",
      "a",
      "--timeout",
      "100ms",
      "--redis",
      "redis://:secret-word@127.0.0.1:1",
    ]);
    const garbled = await wsession(["inspect", "--redis", "localhost:secret-word"]);
    expect([hanging.code, refused.code, garbled.code]).toEqual([1, 1, 2]);
    expect(refused.stderr).toContain("ECONNREFUSED");
    for (const { stdout, stderr } of [hanging, refused, garbled]) {
      expect(stdout).toBe("");
      expect(stderr).toMatch(/^wsession: .+\n$/);
      expect(stderr).not.toContain("secret-word");
    }
  });
});

/** Ctrl-C, or the end of Redis, during a command. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { aCreation, FakeHost } from "../../store-redis/test/fake-host.ts";
import { until } from "../../store-redis/test/redis-server.ts";
import { useRedisServer } from "../../store-redis/test/shared-servers.ts";
import { startProxy } from "../../store-redis/test/tcp-proxy.ts";
import { main, start } from "./program.ts";

const redis = useRedisServer();
const CTRL_C = "\u{3}";
/** Each step of a scan takes this long, so that the progress bar is shown and a signal arrives during the scan. */
const STEP_MS = 50;

/** A slow connection to a Redis whose scan has many steps. Returns the arguments for the command. */
async function slowly(timeout = "10s"): Promise<string[]> {
  return (await slowProxy(timeout)).at;
}

async function slowProxy(timeout: string) {
  const client = new Redis(redis.port, "127.0.0.1");
  const keys = Array.from({ length: 40_000 }, (_, index) => [`other:${index}`, ""]).flat();
  await client.mset(...keys);
  client.disconnect();
  const proxy = await startProxy(redis);
  onTestFinished(() => proxy.close());
  proxy.delayRequests(STEP_MS);
  return { proxy, at: ["--timeout", timeout, "--redis", `redis://127.0.0.1:${proxy.port}`] };
}

/** Runs a shell script on a terminal. `answers`: what is typed once the terminal shows the text. */
async function terminal(script: string, answers: Readonly<Record<string, string>>): Promise<string> {
  const child = spawn("script", ["--quiet", "--return", "--command", script, "/dev/null"], {
    env: { PATH: process.env["PATH"], TERM: "xterm-256color" },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let shown = "";
  const left = new Map(Object.entries(answers));
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    for (const [prompt, answer] of left) {
      if (!shown.includes(prompt)) continue;
      left.delete(prompt);
      child.stdin.write(answer);
    }
  });
  await once(child, "close");
  return shown;
}

const words = (args: readonly string[]): string =>
  [process.execPath, main, ...args].map((word) => `'${word}'`).join(" ");

test("SIGINT ends inspect with 130, also while Redis hangs, and watch with 0; each line of JSON is whole", async () => {
  const slow = await slowly();
  const hanging = await startProxy(redis);
  onTestFinished(() => hanging.close());
  hanging.replies("hold");
  const at = (port: number) => ["--timeout", "20s", "--redis", `redis://127.0.0.1:${port}`];
  const client = new Redis(redis.port, "127.0.0.1");
  onTestFinished(() => client.disconnect());
  const waiting = start(["inspect", "--json", ...at(hanging.port)]);
  const scanning = start(["inspect", "--json", ...slow]);
  // Nobody else has scanned this server.
  await until(async () => /^cmdstat_scan:/m.test(await client.info("commandstats")));
  scanning.child.kill("SIGINT");
  const watching = start(["watch", "--json", "--every", "1min", ...at(redis.port)]);
  await until(() => hanging.connections > 0);
  waiting.child.kill("SIGINT");
  await until(() => watching.output.stdout.includes("watching"));
  watching.child.kill("SIGINT");
  expect(await scanning.ended).toEqual({ code: 130, stdout: "", stderr: "" });
  expect(await waiting.ended).toEqual({ code: 130, stdout: "", stderr: "" });
  const { code, stdout, stderr } = await watching.ended;
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout.endsWith("\n")).toBe(true);
  for (const line of stdout.trimEnd().split("\n"))
    expect(JSON.parse(line)).toMatchObject({ type: expect.any(String) as string });
});

test("if Redis stops answering during inspect, the command prints what it has counted, says that this is not all, and fails", async () => {
  const client = new Redis(redis.port, "127.0.0.1");
  const store = redisStore({ client, timeoutMs: 10_000 });
  store.attach(new FakeHost());
  onTestFinished(async () => {
    await store.close();
    client.disconnect();
  });
  await Promise.all(Array.from({ length: 500 }, () => store.create(aCreation({ hold: true }))));
  const { proxy, at } = await slowProxy("3s");
  const commands = async () =>
    Number(/cmdstat_hmget:calls=(\d+)/.exec(await client.info("commandstats"))?.[1] ?? 0);
  const before = await commands();
  const running = start(["inspect", "--json", ...at]);
  // The command has read some of the sessions.
  await until(async () => (await commands()) > before + 20);
  proxy.replies("hold");
  const { code, stdout, stderr } = await running.ended;
  expect(code).toBe(1);
  const reported = JSON.parse(stdout) as { complete: boolean; sessions: number };
  expect(reported).toMatchObject({ complete: false, memory: [], error: expect.any(String) as string });
  expect(JSON.parse(stdout)).toHaveProperty("processes", [expect.objectContaining({ alive: null })]);
  expect(reported.sessions).toBeGreaterThan(0);
  expect(reported.sessions).toBeLessThan(500);
  expect(stderr).toMatch(/^wsession: not all sessions were counted: /);
});

test.skipIf(process.platform === "darwin")(
  "Ctrl-C on a terminal removes the progress bar, ends with 130, and leaves the terminal as it was",
  async () => {
    const at = await slowly();
    const script = (args: readonly string[]) =>
      `trap : INT; before=$(stty -g); ${words(args)}; echo "code $?"; [ "$(stty -g)" = "$before" ] && echo restored`;
    const scanned = await terminal(script(["inspect", ...at]), { "[#": CTRL_C, "[-": CTRL_C });
    const [, ...pictures] = scanned.split("\r\u{1b}[K");
    expect(pictures.length).toBeGreaterThan(1);
    // The last picture of the bar is removed, and nothing else follows.
    for (const picture of pictures.slice(0, -1)) expect(picture).toMatch(/^\[[#-]+\] \d+ % /);
    expect(pictures.at(-1)).toBe("code 130\r\nrestored\r\n");
    const asked = await terminal(script(["destroy", "A".repeat(22), ...at]), { "[y/N]": CTRL_C });
    expect(asked).toMatch(/code 130\r\nrestored\r\n$/);
  },
);

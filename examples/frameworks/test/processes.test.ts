import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { startRedis } from "../../../packages/store-redis/test/redis-server.ts";
import { start as startThreads } from "../src/worker-threads.mjs";
import { connect } from "./support.ts";

let redisUrl = "";

beforeAll(async () => {
  const redis = await startRedis();
  redisUrl = `redis://${redis.host}:${redis.port}`;
  return () => redis.stop();
});

interface Greeting {
  readonly name: string;
  readonly token: string;
}

/** Clicks once, and returns who answered. */
async function click(port: number, token = ""): Promise<Greeting & { readonly clicks: string; end(): void }> {
  const client = await connect(`ws://127.0.0.1:${port}/?token=${token}`);
  client.socket.send("click");
  const [greeting = "", clicks = ""] = await client.next(2);
  return { ...(JSON.parse(greeting) as Greeting), clicks, end: () => client.socket.close() };
}

test("node:cluster: two workers share a port, and a session continues in the other worker", async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../src/cluster.mjs"), redisUrl], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [printed] = await once(child.stdout, "data");
  const port = Number(String(printed));
  // node:cluster takes the workers in turn.
  const first = await click(port);
  const second = await click(port, first.token);
  expect([first.clicks, second.clicks]).toEqual(["1", "2"]);
  expect([first.name, second.name].toSorted()).toEqual(["worker 1", "worker 2"]);
  const client = await connect(`ws://127.0.0.1:${port}/`);
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  expect(await client.closed).toBe(1012);
  expect((await exited)[0]).toBe(0);
});

test("worker_threads: a session continues in another thread, and the threads end by themselves", async () => {
  const { ports, close } = await startThreads(redisUrl);
  const [one = 0, two = 0] = ports;
  const first = await click(one);
  const second = await click(two, first.token);
  expect([first.name, first.clicks]).toEqual(["thread 1", "1"]);
  expect([second.name, second.clicks]).toEqual(["thread 2", "2"]);
  await close();
});

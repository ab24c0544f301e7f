import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import { newPrefix } from "../stores.ts";

const PROGRAM = fileURLToPath(new URL("newcomers.mjs", import.meta.url));
const NEWCOMERS = 200;

test("fault F8: on uWebSockets.js, clients that connect and leave one after another cause no warning of the runtime, and no close code 1006", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const parameters = { redis: redis.port, prefix: newPrefix(), newcomers: NEWCOMERS };
  const child = fork(PROGRAM, [JSON.stringify(parameters)], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
  const exited = once(child, "exit");
  const [said] = await Promise.race([once(child, "message"), exited]);
  expect(said).toEqual({ codes: { 1000: NEWCOMERS } });
  // Nothing that the adapter created for the newcomers keeps the process alive.
  expect(await exited).toEqual([0, null]);
  expect(printed).toBe("");
}, 60_000);

/** The Redis of the demo: one that it was given, or one that it starts, on a free port of the loopback interface. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";
import { Redis } from "ioredis";
import { DemoFailure } from "./failure.ts";
import type { RedisFacts } from "./operator/contract.ts";
import { freePort } from "../../../scripts/free-port.mjs";
import { HOST } from "./page.ts";
import { redisReason, withoutPassword } from "./redis-url.ts";

const PROGRAMS = ["redis-server", "valkey-server"];
const STARTED_WITHIN_MS = 10_000;
const LOOK_EACH_MS = 50;

export interface DemoRedis {
  readonly url: string;
  readonly facts: () => RedisFacts;
  /** Stops the server; what was acknowledged is on the disk. Only a Redis that the demo started has this. */
  readonly stop?: (() => Promise<void>) | undefined;
  readonly start?: (() => Promise<void>) | undefined;
  close(): Promise<void>;
}

/** Throws DemoFailure if Redis can't be used. */
export async function givenRedis(url: string): Promise<DemoRedis> {
  await assertReachable(url);
  return { url, facts: () => ({ isOurs: false, state: "running" }), close: async () => {} };
}

/** Throws DemoFailure if there is no program of a Redis server. */
export async function startRedis(): Promise<DemoRedis> {
  const program = findServer();
  const folder = await mkdtemp(join(tmpdir(), "wsession-demo-"));
  const port = await freePort();
  const url = `redis://${HOST}:${port}`;
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    if (child !== undefined) return;
    // `appendonly` keeps the sessions while the server is stopped.
    const options = {
      port,
      bind: HOST,
      dir: folder,
      save: "",
      appendonly: "yes",
      "maxmemory-policy": "noeviction",
    };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    // Detached, because Ctrl-C would end Redis before the processes have closed their sessions.
    child = spawn(program, args, { stdio: "ignore", detached: true });
    const started = child;
    started.once("exit", () => (child = undefined));
    const failed = once(started, "error").then(([error]) => {
      throw new DemoFailure(`${program} can't be started: ${String(error)}.`);
    });
    await Promise.race([failed, answers(url)]);
  }

  async function stop(): Promise<void> {
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  }

  process.once("exit", () => child?.kill("SIGKILL"));
  await start();
  return {
    url,
    facts: () => ({ isOurs: true, state: child === undefined ? "stopped" : "running" }),
    start,
    stop,
    async close() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function findServer(): string {
  const named = process.env["WSESSION_REDIS_SERVER"];
  if (named !== undefined) return named;
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const files = PROGRAMS.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = files.find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new DemoFailure(
    "there is no redis-server here. Install one (apt-get install redis-server, brew install redis), " +
      "or name a Redis that runs: npm run demo -- --redis redis://127.0.0.1:6379",
  );
}

async function answers(url: string): Promise<void> {
  const late = Date.now() + STARTED_WITHIN_MS;
  for (;;) {
    try {
      return await assertReachable(url);
    } catch (error) {
      if (Date.now() > late) throw error;
      await wait(LOOK_EACH_MS);
    }
  }
}

async function assertReachable(url: string): Promise<void> {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 3_000,
    // Something else than Redis may accept the connection, and never answer.
    commandTimeout: 5_000,
    maxRetriesPerRequest: 0,
  });
  let cause: Error | undefined;
  client.on("error", (error) => (cause ??= error));
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    const reason = cause ?? error;
    throw new DemoFailure(
      `Redis at ${withoutPassword(url)} can't be used: ${sentence(reason)} ` +
        "Start one, or run the demo without --redis.",
      { cause: reason },
    );
  } finally {
    client.disconnect();
  }
}

function sentence(error: unknown): string {
  const text = redisReason(error);
  return text.endsWith(".") ? text : `${text}.`;
}

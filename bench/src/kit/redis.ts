import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "../../../scripts/free-port.mjs";
import { endAtExit } from "./left-behind.ts";

const HOST = "127.0.0.1";
const STARTED_IN_MS = 60_000;

/** A Redis server for this run, without persistence. */
export interface RedisServer {
  readonly port: number;
  readonly client: Redis;
  /** A numeric field of INFO. */
  info(section: string, field: string): Promise<number>;
  stop(): Promise<void>;
}

/** Starts a server; WSESSION_REDIS_SERVER names the binary. */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "wsession-bench-"));
  const port = await freePort();
  const settings = ["--save", "", "--appendonly", "no", "--bind", HOST, "--dir", folder, ...args];
  const binary = process.env["WSESSION_REDIS_SERVER"] ?? "redis-server";
  const child = spawn(binary, ["--port", String(port), ...settings], { stdio: "ignore" });
  const forget = endAtExit({ child, signal: "SIGKILL", folder });
  const failed = once(child, "error").then(([error]) => {
    throw error;
  });
  // Another server may have taken the port meanwhile, and would answer in place of this one.
  const ended = once(child, "exit").then(() => {
    throw new Error(`redis-server on port ${port} has ended`);
  });
  ended.catch(() => undefined);
  const client = new Redis(port, HOST, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on("error", () => undefined);
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error("redis-server did not start")), STARTED_IN_MS).unref();
  });
  await Promise.race([client.ping(), failed, ended, late]);
  return {
    port,
    client,
    async info(section, field) {
      const found = new RegExp(`^${field}:([0-9.]+)`, "m").exec(await client.info(section));
      return Number(found?.[1]);
    },
    async stop() {
      client.disconnect();
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, "exit");
        child.kill("SIGKILL");
        await gone;
      }
      await rm(folder, { recursive: true, force: true });
      forget();
    },
  };
}

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../../../scripts/free-port.mjs";

/**
 * The server binary: WSESSION_REDIS_SERVER if it is set. redis-cli and redis-sentinel are expected beside it.
 */
const SERVER = process.env["WSESSION_REDIS_SERVER"] ?? "redis-server";
const run = promisify(execFile);
const HOST = "127.0.0.1";
const STARTED_IN_MS = 30_000;
/** Less than the 15 seconds until the first sweep of a store, because a sweep would hide that an announcement is missing. */
const COMES_IN_MS = 12_000;
const ANSWERED_IN_MS = 10_000;
/** The bus of a Cluster node listens on its port + 10,000. */
const BUS_ABOVE_PORT = 10_000;

export interface RedisServer {
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  continue(): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on its port, with its directory, after `kill`. */
  restart(): Promise<void>;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
}

export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  stop(): Promise<void>;
}

export interface RedisSentinel {
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: readonly RedisServer[];
  readonly name: string;
  stop(): Promise<void>;
}

function beside(tool: string): string {
  return SERVER.includes("/") ? join(dirname(SERVER), tool) : tool;
}

/** Polls until `check` returns true. On timeout, throws the last error of `check`. */
export async function until(
  check: () => Promise<boolean> | boolean,
  timeoutMs: number = COMES_IN_MS,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let failure: unknown = new Error("the condition did not come");
  while (performance.now() < deadline) {
    try {
      if (await check()) return;
    } catch (error) {
      failure = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw failure;
}

export async function cli(port: number, ...args: readonly string[]): Promise<string> {
  return (
    await run(beside("redis-cli"), ["-h", HOST, "-p", String(port), ...args], { timeout: ANSWERED_IN_MS })
  ).stdout.trim();
}

/**
 * Resolves once this many of the servers, replicas included, have the session. WAIT cannot be used, because
 * it covers only the writes of its own connection.
 */
export async function untilCopied(
  servers: readonly { readonly port: number }[],
  id: string,
  copies: number,
): Promise<void> {
  await until(async () => {
    const found = await Promise.all(servers.map(({ port }) => cli(port, "keys", `*:s:{${id}}`)));
    return found.filter((key) => key !== "").length === copies;
  });
}

/** Starts a redis-server on a free port, without persistence unless `args` enable it. */
export async function startRedis(
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<RedisServer> {
  return startProcess(SERVER, ["--save", "", "--appendonly", "no", ...args], undefined, environment);
}

async function startProcess(
  binary: string,
  args: readonly string[],
  config?: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<RedisServer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startProcessOn(await freePort(BUS_ABOVE_PORT), binary, args, config, environment);
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

async function startProcessOn(
  port: number,
  binary: string,
  args: readonly string[],
  config: string | undefined,
  environment: Readonly<Record<string, string>>,
): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "wsession-redis-"));
  const all = ["--port", String(port), "--bind", HOST, "--dir", folder, ...args];
  if (config !== undefined) {
    await writeFile(join(folder, "redis.conf"), config);
    all.unshift(join(folder, "redis.conf"));
  }
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = spawn(binary, all, { stdio: "ignore", env: { ...process.env, ...environment } });
    child.on("error", () => undefined);
    await until(async () => {
      if (child.exitCode !== null) return true;
      return (await cli(port, "info", "server")).includes(`process_id:${child.pid}\r`);
    }, STARTED_IN_MS);
    if (child.exitCode !== null)
      throw new Error(`redis-server on port ${port} exited with ${child.exitCode}`);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGCONT");
    child.kill(signal);
    await gone;
  };
  try {
    await start();
  } catch (error) {
    await end("SIGKILL");
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    host: HOST,
    port,
    get pid() {
      return child.pid ?? 0;
    },
    pause: () => void child.kill("SIGSTOP"),
    continue: () => void child.kill("SIGCONT"),
    kill: () => end("SIGKILL"),
    restart: start,
    stop: async () => {
      await end("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Starts a Cluster of three primaries with one replica each, and waits until every node reports that the
 * Cluster is healthy.
 */
export async function startCluster(further: readonly string[] = []): Promise<RedisCluster> {
  const args = [
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    "1000",
    "--repl-diskless-sync-delay",
    "0",
    ...further,
  ];
  const started = await Promise.allSettled(Array.from({ length: 6 }, () => startRedis(args)));
  const nodes = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    // Stops all servers if one fails to start.
    for (const result of started) if (result.status === "rejected") throw result.reason;
    const addresses = nodes.map((node) => `${HOST}:${node.port}`);
    await run(beside("redis-cli"), [
      "--cluster",
      "create",
      ...addresses,
      "--cluster-replicas",
      "1",
      "--cluster-yes",
    ]);
    await until(async () => {
      const infos = await Promise.all(nodes.map((node) => cli(node.port, "cluster", "info")));
      const slaves = (await cli(nodes[0]?.port ?? 0, "cluster", "nodes")).match(/slave/g)?.length;
      return slaves === 3 && infos.every((info) => info.includes("cluster_state:ok"));
    }, 30_000);
    return { nodes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts one Sentinel that monitors this primary under the name `wsession`. */
export async function startLoneSentinel(primary: RedisServer): Promise<RedisServer> {
  const sentinel = await startProcess(
    SERVER,
    ["--sentinel"],
    `sentinel monitor wsession ${HOST} ${primary.port} 1\n`,
  );
  await until(async () => (await cli(sentinel.port, "sentinel", "masters")).includes(String(primary.port)));
  return sentinel;
}

/** Starts a primary, a replica and three Sentinels that agree on both. */
export async function startSentinel(): Promise<RedisSentinel> {
  const name = "wsession";
  const primary = await startRedis(["--repl-diskless-sync-delay", "0"]);
  const replica = await startRedis(["--replicaof", `${HOST} ${primary.port}`]);
  const config = [
    `sentinel monitor ${name} ${HOST} ${primary.port} 2`,
    `sentinel down-after-milliseconds ${name} 500`,
    `sentinel failover-timeout ${name} 3000`,
    `sentinel parallel-syncs ${name} 1`,
    "",
  ].join("\n");
  const sentinels = await Promise.all(
    Array.from({ length: 3 }, async () => startProcess(SERVER, ["--sentinel"], config)),
  );
  const stop = async (): Promise<void> => {
    await Promise.all([...sentinels, replica, primary].map((server) => server.stop()));
  };
  try {
    await until(async () => {
      const replies = await Promise.all(
        sentinels.map((server) => cli(server.port, "sentinel", "master", name)),
      );
      return replies.every(
        (reply) => /num-slaves\n1\n/.test(`${reply}\n`) && /num-other-sentinels\n2\n/.test(`${reply}\n`),
      );
    }, 20_000);
    return { primary, replica, sentinels, name, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

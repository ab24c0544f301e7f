/** Several processes on one Redis: a parent that serves the page and starts a process again when it dies. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { Redis } from "ioredis";
import { noUws } from "./demo.ts";
import type { Demo, Voice } from "./demo.ts";
import { DemoFailure } from "./failure.ts";
import type { Endpoint } from "./messages.ts";
import { listen, origins, pageServer } from "./page.ts";

import { loadUws } from "./server-uws.ts";
import { closeServer } from "./single.ts";

export interface ProcessesOptions {
  readonly port: number;
  readonly redis: string;
  readonly processes: number;
}

interface Slot {
  readonly number: number;
  readonly runtime: Endpoint["runtime"];
  port: number;
  child: ChildProcess | undefined;
}

const STOP_WITHIN_MS = 5_000;

export async function startProcesses(options: ProcessesOptions, voice: Voice): Promise<Demo> {
  await assertReachable(options.redis);
  const uWS = await loadUws();
  if (typeof uWS === "string") voice.say(noUws(uWS));

  const slots = Array.from({ length: options.processes }, (_, index): Slot => {
    const runtime = index % 2 === 1 && typeof uWS !== "string" ? "uws" : "ws";
    return {
      number: index + 1,
      runtime,
      port: options.port === 0 ? 0 : options.port + 1 + index,
      child: undefined,
    };
  });
  const server = pageServer("redis", () => slots.map(endpointOf));
  const pagePort = await listen(server, options.port);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= stop());

  try {
    await Promise.all(slots.map(start));
  } catch (error) {
    await close();
    throw error;
  }
  const servers = slots
    .map(({ number, runtime, port }) => `${number} (${nameOf(runtime)}, port ${port})`)
    .join(", ");
  return { url: `http://localhost:${pagePort}/`, summary: `Processes ${servers} on one Redis.`, close };

  async function start(slot: Slot): Promise<void> {
    const child = fork(join(import.meta.dirname, "worker.js"), workerArguments(slot, origins(pagePort)), {
      env: { ...process.env, WSESSION_DEMO_REDIS: options.redis },
    });
    slot.child = child;
    slot.port = await portOf(child, slot);
    const again = (): void => {
      if (closing !== undefined) return;
      const by = child.signalCode === null ? "" : ` by ${child.signalCode}`;
      voice.say(`Process ${slot.number} (pid ${child.pid}) ended${by}; starting it again.`);
      restart(slot).catch((failure: unknown) => void close().finally(() => voice.fail(failure)));
    };
    if (isRunning(child)) child.once("exit", again);
    else again();
  }

  async function restart(slot: Slot): Promise<void> {
    await start(slot);
    voice.say(`Process ${slot.number} serves again (pid ${slot.child?.pid}).`);
  }

  async function stop(): Promise<void> {
    const children = slots.flatMap(({ child }) => (child !== undefined && isRunning(child) ? [child] : []));
    await Promise.all(children.map(stopChild));
    await closeServer(server);
  }
}

function endpointOf({ number, runtime, port, child }: Slot): Endpoint {
  return { runtime, name: nameOf(runtime), port, process: number, pid: child?.pid ?? 0 };
}

function nameOf(runtime: Endpoint["runtime"]): string {
  return runtime === "ws" ? "ws" : "uWebSockets.js";
}

function workerArguments({ number, runtime, port }: Slot, allowed: readonly string[]): string[] {
  const args = ["--number", String(number), "--runtime", runtime, "--port", String(port)];
  return [...args, ...allowed.flatMap((origin) => ["--origin", origin])];
}

/** Waits for the one message that a worker sends. */
async function portOf(child: ChildProcess, { number }: Slot): Promise<number> {
  const ended = new AbortController();
  child.once("exit", (code, signal) => ended.abort(signal ?? `exit code ${code}`));
  try {
    const [message]: unknown[] = await once(child, "message", { signal: ended.signal });
    if (typeof message === "object" && message !== null) {
      if ("port" in message && typeof message.port === "number") return message.port;
      if ("failure" in message) throw new DemoFailure(String(message.failure));
    }
    throw new DemoFailure(`process ${number} said something else than its port.`);
  } catch (error) {
    if (!ended.signal.aborted) throw error;
    throw new DemoFailure(`process ${number} ended before it served (${String(ended.signal.reason)}).`, {
      cause: error,
    });
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function stopChild(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
  await ended;
  clearTimeout(late);
}

/** Throws DemoFailure if Redis can't be used, before any process is started. */
async function assertReachable(url: string): Promise<void> {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 3_000,
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
  const text = error instanceof Error ? error.message : String(error);
  return text.endsWith(".") ? text : `${text}.`;
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//");
}

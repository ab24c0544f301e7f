/** Several processes on one Redis: a parent that serves the page and the operator's page. */
import process from "node:process";
import { noUws } from "./demo.ts";
import type { Demo, Voice } from "./demo.ts";
import type { Endpoint } from "./messages.ts";
import { Board } from "./operator/board.ts";
import type { Action } from "./operator/contract.ts";
import { isFromHere, serveOperator } from "./operator/routes.ts";
import { listen, origins, pageServer } from "./page.ts";
import { givenRedis, startRedis } from "./redis-process.ts";
import { loadUws } from "./server-uws.ts";
import { closeServer } from "./single.ts";
import { Workers } from "./workers.ts";

export interface ProcessesOptions {
  readonly port: number;
  /** The URL of a Redis; "start" starts one. */
  readonly redis: string;
  readonly processes: number;
}

const LIST_EACH_MS = 2_000;

export async function startProcesses(options: ProcessesOptions, voice: Voice): Promise<Demo> {
  const uWS = await loadUws();
  if (typeof uWS === "string") voice.say(noUws(uWS));
  const runtimes = Array.from({ length: options.processes }, (_, index): Endpoint["runtime"] =>
    index % 2 === 1 && typeof uWS !== "string" ? "uws" : "ws",
  );

  // The page listens first, because the processes need its origin. Until the processes serve, the page lists none.
  const server = pageServer("redis", () => workers?.slots() ?? [], {
    routes: (path, request, response) =>
      shown !== undefined &&
      serveOperator({ board: shown, origins: origins(pagePort), act }, path, request, response),
    overview: (request) => (isFromHere(request, origins(pagePort)) ? shown?.overview() : undefined),
  });
  let workers: Workers | undefined;
  // A page that was open before may send requests while Redis starts.
  let shown: Board | undefined;
  const pagePort = await listen(server, options.port);
  const redis = await (options.redis === "start" ? startRedis() : givenRedis(options.redis));
  const board = new Board(() => workers?.slots() ?? [], redis.facts);
  shown = board;
  const started = new Workers({
    port: options.port === 0 ? 0 : options.port + 1,
    runtimes,
    origins: origins(pagePort),
    env: {
      ...process.env,
      WSESSION_DEMO_REDIS: redis.url,
      WSESSION_DEMO_REDIS_IS_OURS: redis.facts().isOurs ? "1" : "0",
    },
    onReport: (number, report) => board.addReport(number, report),
    ended(number, pid, signal) {
      const by = signal === null ? "" : ` by ${signal}`;
      board.forget(number);
      announce(number, `Process ${number} (pid ${pid}) ended${by}; starting it again.`);
    },
    servesAgain: (number, pid) => announce(number, `Process ${number} serves again (pid ${pid}).`),
    failed: (failure) => void close().finally(() => voice.fail(failure)),
  });
  workers = started;
  const asking = setInterval(() => started.ask("list"), LIST_EACH_MS);
  let closing: Promise<void> | undefined;

  try {
    await started.start();
  } catch (error) {
    await close();
    throw error;
  }
  const servers = started
    .slots()
    .map(
      ({ process: number, runtime, port }) =>
        `${number} (${runtime === "ws" ? "ws" : "uWebSockets.js"}, port ${port})`,
    )
    .join(", ");
  const url = `http://localhost:${pagePort}/`;
  const where = redis.facts().isOurs ? `Redis at ${redis.url}` : "one Redis";
  return {
    url,
    summary: `Processes ${servers} on ${where}.\n  The operator's page is ${url}operator`,
    close,
  };

  function announce(number: number, text: string): void {
    board.addEvent("process", number, text);
    voice.say(text);
  }

  async function act(action: Action, number: number | undefined): Promise<string | undefined> {
    if (action === "kill" || action === "stop" || action === "continue") return started.act(action, number);
    const change = action === "stop-redis" ? redis.stop : redis.start;
    if (change === undefined) return "The demo did not start this Redis, so it does not stop it.";
    await change();
    board.addEvent("redis", 0, action === "stop-redis" ? "Redis is stopped." : "Redis runs again.");
    return undefined;
  }

  function close(): Promise<void> {
    return (closing ??= stop());
  }

  async function stop(): Promise<void> {
    clearInterval(asking);
    await started.close();
    board.close();
    await closeServer(server);
    await redis.close();
  }
}

/** One of several processes on one Redis. processes.ts starts it, and gets its port in a message. */
import { createServer } from "node:http";
import process from "node:process";
import { parseArgs } from "node:util";
import { isSessionError } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { describeError } from "./demo.ts";
import { DemoFailure } from "./failure.ts";
import { visitorHandlers } from "./handlers.ts";
import type { ProcessReport } from "./operator/contract.ts";
import { reporter } from "./operator/reporter.ts";
import { HOST, listen } from "./page.ts";
import type { PlainServing } from "./plain.ts";
import { presenceReporter } from "./presence.ts";
import { redisReason } from "./redis-url.ts";
import { loadUws, serveWithUws } from "./server-uws.ts";
import { serveWithWs } from "./server-ws.ts";
import { closeServer } from "./single.ts";
import { visitorSessions } from "./session.ts";

/** A message of a worker to its parent. The first one has the port, or the failure. */
export type WorkerMessage =
  | { readonly port: number }
  | { readonly failure: string }
  | { readonly report: ProcessReport };

/** A message of the parent: the next report must contain the sessions of the store. */
export type WorkerRequest = "list";

/** A little less than the parent's time limit. */
const END_WITHIN_MS = 4_000;
/** How long Redis keeps a plain counter. */
const PLAIN_SECONDS = 600;

const { values } = parseArgs({
  options: {
    number: { type: "string", default: "1" },
    runtime: { type: "string", default: "ws" },
    port: { type: "string", default: "0" },
    origin: { type: "string", multiple: true, default: [] },
  },
});

try {
  await work();
} catch (error) {
  if (!(error instanceof DemoFailure)) throw error;
  // The Redis client would keep the process alive.
  tellParent({ failure: error.message }, () => process.exit(1));
}

async function work(): Promise<void> {
  const number = Number(values.number);
  const say = (sentence: string): void => console.error(`process ${number}: ${sentence}`);
  // Not an argument, because every user of the machine can see arguments, and the URL may contain a password.
  const client = new Redis(process.env["WSESSION_DEMO_REDIS"] ?? "");
  reportOutages(client, say);

  const sessions = visitorSessions({
    store: redisStore({ client, prefix: "wsession-demo" }),
    origins: values.origin,
    onError: (error, { stage }) => report(error, stage),
  });
  const presence = presenceReporter(sessions, true, (error) => report(error, "presence"));
  const handlers = visitorHandlers({
    sessions,
    process: number,
    isMortal: true,
    connectionsChanged: presence.report,
  });
  const plain: PlainServing = {
    origins: values.origin,
    add: (run) => addInRedis(client, run),
    breakOff: () => process.kill(process.pid, "SIGKILL"),
  };
  const { port, close } = await serve();
  tellParent({ port });
  const reports = reporter(sessions, number, (next) => {
    return new Promise<void>((resolve) => {
      tellParent({ report: next }, resolve);
    });
  });
  process.on("message", (request: WorkerRequest) => {
    if (request === "list") reports.list();
  });

  let isEnding = false;
  let isOrphan = false;
  const end = (): void => {
    if (isEnding) return;
    isEnding = true;
    setTimeout(() => process.exit(1), END_WITHIN_MS).unref();
    void shutDown();
  };
  process.on("SIGINT", end).on("SIGTERM", end);
  process.on("disconnect", () => {
    isOrphan = true;
    end();
  });

  async function shutDown(): Promise<void> {
    presence.stop();
    reports.stop();
    await sessions.close();
    await close();
    // The parent was killed, and can't end the Redis that it started.
    if (isOrphan && process.env["WSESSION_DEMO_REDIS_IS_OURS"] === "1") await client.shutdown("NOSAVE");
    client.disconnect();
    process.exit(0);
  }

  async function serve(): Promise<{ readonly port: number; readonly close: () => Promise<void> | void }> {
    const wanted = Number(values.port);
    if (values.runtime === "uws") {
      const uWS = await loadUws();
      if (typeof uWS === "string") throw new DemoFailure(uWS);
      return serveWithUws(uWS, HOST, wanted, sessions, handlers, plain);
    }
    const server = createServer((_request, response) => {
      response.writeHead(404).end("This port serves WebSockets; the page is on the demo's own port.\n");
    });
    const closePlain = serveWithWs(server, sessions, handlers, plain);
    const closeAll = (): Promise<void> => {
      closePlain();
      return closeServer(server);
    };
    return { port: await listen(server, wanted), close: closeAll };
  }

  /** Prints an error. Leaves STORE_UNAVAILABLE out, because an unavailable Redis is reported once, elsewhere. */
  function report(error: unknown, stage: string): void {
    if (!isSessionError(error, "STORE_UNAVAILABLE")) say(describeError(error, stage));
  }
}

/** The plain counter survives the process too, so that only the protocols differ in the comparison. */
async function addInRedis(client: Redis, run: string): Promise<number> {
  const key = `wsession-demo-plain:${run}`;
  const created = client.set(key, 0, "EX", PLAIN_SECONDS, "NX");
  const [count] = await Promise.all([client.incr(key), created]);
  return count;
}

function reportOutages(client: Redis, say: (sentence: string) => void): void {
  let isAway = false;
  client.on("error", (error) => {
    if (!isAway)
      say(`Redis is away (${redisReason(error)}); what is in memory can be read, and writes are refused.`);
    isAway = true;
  });
  client.on("ready", () => {
    if (isAway) say("Redis is back.");
    isAway = false;
  });
}

function tellParent(message: WorkerMessage, then?: () => void): void {
  process.send?.(message, undefined, undefined, then);
}

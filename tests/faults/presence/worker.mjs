// @ts-check
// An application in a process of its own, whose clients are those of the test. It writes each event to a file, because a killed
// process loses what it has not sent yet.
import { accept, createSessions, queryToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { connectRedis } from "../application.mjs";
import { listen } from "../listen.mjs";

/**
 * @typedef {{ redis: import("../application.mjs").Where, file: string, leaseMs: number, leaveAfterMs: number, handleMs?: number, node?: string, watch?: string[], idleMs?: number, transactionMs?: number, events?: import("@wsession/core").SessionEventType[] }} Options
 */

/** @param {Options} options */
async function open({
  redis,
  file,
  leaseMs,
  leaveAfterMs,
  handleMs = 0,
  node,
  watch = [],
  idleMs,
  transactionMs = 0,
  events = ["left", "expired", "destroyed"],
}) {
  const client = connectRedis(redis);
  /** @param {string} type */
  const noted = (type) => async (/** @type {import("@wsession/core").SessionEvent} */ event) => {
    appendFileSync(file, `${JSON.stringify(["begun", type, event, Date.now()])}\n`);
    if (handleMs > 0) await delay(handleMs);
    appendFileSync(file, `${JSON.stringify(["handled", type, event])}\n`);
  };
  const sessions = createSessions({
    store: redisStore({ client, leaseMs, node, timeoutMs: 6_000, sweepMs: 2_000 }),
    token: queryToken(),
    leaveAfterMs,
    idleMs,
    admit: ({ url }) => accept({ subject: new URL(url, "ws://x").searchParams.get("user") ?? "nobody" }),
    initial: () => ({ n: 0 }),
    events: Object.fromEntries(events.map((type) => [type, noted(type)])),
    onError: () => undefined,
  });
  const server = await listen("ws", sessions, {
    open: (connection) => connection.send(connection.token ?? ""),
    async transaction(tx) {
      process.send?.({ reported: { subject: "transaction", type: "begun" } });
      await delay(transactionMs);
      tx.update(({ n }) => ({ n: n + 1 }));
    },
  });
  if (watch.length > 0) {
    const listener = (/** @type {import("@wsession/core").PresenceEvent} */ event) =>
      void process.send?.({ reported: event });
    await sessions.watch(watch, listener, { signal: new AbortController().signal });
  }
  return { sessions, port: server.port };
}

/** @type {Awaited<ReturnType<typeof open>> | undefined} */
let application;

/** @type {Record<string, (argument: any) => unknown>} */
const calls = {
  async open(options) {
    application = await open(options);
    return application.port;
  },
  presence: (subject) => application?.sessions.presenceOfSubject(subject),
  async counts(subject) {
    return (await application?.sessions.bySubject(subject))?.map(({ data }) => data.n);
  },
  destroySubject: (subject) => application?.sessions.destroySubject(subject),
  async identify({ from, to }) {
    for (const session of (await application?.sessions.bySubject(from)) ?? []) await session.identify(to);
  },
  close: () => application?.sessions.close({ drainMs: 100 }),
};

/** @param {{ call: number, method: string, argument: unknown }} message */
async function answer({ call, method, argument }) {
  try {
    process.send?.({ call, result: (await calls[method]?.(argument)) ?? null });
  } catch (error) {
    process.send?.({ call, error: String(error) });
  }
}

process.on("message", (/** @type {any} */ message) => void answer(message));
process.on("disconnect", () => process.exit());

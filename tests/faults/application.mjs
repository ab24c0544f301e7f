// @ts-check
// An application as users write it: Redis, a WebSocket server, and the calls of its clients. Runs in a process of its own (worker.mjs)
// or in the process of the test.
import { createSessions, queryToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Cluster, Redis } from "ioredis";
import { once } from "node:events";
import { WebSocket } from "ws";
import { listen } from "./listen.mjs";
import { transaction } from "./transactions/handler.mjs";

/**
 * @typedef {{ list: string[], counter: number, [field: string]: unknown }} Data
 * @typedef {{ kind: "standalone", port: number } | { kind: "sentinel", ports: number[], name: string } | { kind: "cluster", ports: number[] }} Where
 * @typedef {{ redis: Where, prefix?: string, timeoutMs?: number, leaseMs?: number, sweepMs?: number, confirmMs?: number, allowEviction?: boolean, exclusive?: boolean, idleMs?: number, heartbeatMs?: number, runtime?: "ws" | "uws", transactions?: boolean }} ApplicationOptions
 * @typedef {{ id: string, token: string }} Created
 */

const HOST = "127.0.0.1";

/** @param {Where} where */
export function connectRedis(where) {
  const options = { reconnectOnError: (/** @type {Error} */ error) => error.message.startsWith("READONLY") };
  const client =
    where.kind === "cluster"
      ? new Cluster(
          where.ports.map((port) => ({ host: HOST, port })),
          { redisOptions: options, clusterRetryStrategy: () => 100 },
        )
      : where.kind === "sentinel"
        ? new Redis({
            ...options,
            sentinels: where.ports.map((port) => ({ host: HOST, port })),
            name: where.name,
          })
        : new Redis({ ...options, host: HOST, port: where.port });
  // Ignore connection errors, because the tests break connections. The calls of the store report the effects.
  client.on("error", () => undefined);
  return client;
}

/** @returns {Data} */
const newData = () => ({ list: [], counter: 0 });

/** @param {ApplicationOptions} options */
export async function openApplication(options) {
  const { redis, exclusive, idleMs, heartbeatMs, runtime = "ws", transactions, ...storeOptions } = options;
  const client = connectRedis(redis);
  const store = redisStore({ client, ...storeOptions });
  /** @type {unknown[]} */
  const errors = [];
  const sessions = createSessions({
    store,
    token: queryToken(),
    initial: newData,
    exclusive,
    idleMs,
    heartbeatMs,
    // All answers of a history are kept to its end.
    outbox:
      transactions === true ? { maxMessages: 10_000, maxBytes: 2 ** 22, maxAgeMs: 3_600_000 } : undefined,
    onError: (error) => void errors.push(error),
  });
  /** The number of `change` events of each session. */
  let changes = 0;
  const server = await listen(runtime, sessions, {
    message: () => undefined,
    change: () => void (changes += 1),
    ...(transactions === true && { transaction }),
  });
  const url = `ws://${HOST}:${server.port}/`;
  /** @type {Map<string, { socket: WebSocket, code: number | undefined, refused: boolean }[]>} */
  const clients = new Map();

  /** @param {string} id */
  const connectionOf = (id) => [...sessions.connections].findLast(({ session }) => session.id === id);

  /** @param {{ id: string, held?: boolean | undefined }} of */
  const handleOf = async ({ id, held }) => {
    const handle = held === true ? connectionOf(id)?.session : await sessions.get(id);
    if (handle === undefined)
      throw Object.assign(new Error("no such session"), { code: "SESSION_GONE", outcome: "not-applied" });
    return handle;
  };

  return {
    sessions,
    store,
    client,
    url,
    errors,

    /** @returns {Promise<Created>} */
    async create() {
      const { session, token } = await sessions.create(newData());
      return { id: session.id, token };
    },

    /**
     * A client connects to this application, with a session's token; resolves once it is open, and rejects when refused.
     *
     * @param {Created} created
     */
    async connect({ id, token }) {
      const socket = new WebSocket(`${url}?token=${token}`);
      /** @type {{ socket: WebSocket, code: number | undefined, refused: boolean }} */
      const entry = { socket, code: undefined, refused: false };
      socket.on("error", () => (entry.refused = true));
      socket.on("close", (code) => (entry.code = code));
      clients.set(id, [...(clients.get(id) ?? []), entry]);
      await once(socket, "open");
      return connectionOf(id)?.session.version ?? 0;
    },

    /**
     * Codes with which clients of a session were closed, in the order in which they connected; `null`: open.
     *
     * @param {string} id
     */
    codes: (id) => (clients.get(id) ?? []).map(({ code }) => code ?? null),

    /**
     * What this process has in memory of a session that it holds; no I/O.
     *
     * @param {string} id
     */
    held(id) {
      const session = connectionOf(id)?.session;
      return session === undefined ? null : { version: session.version, data: session.data };
    },

    /** @param {{ id: string, value: string, held?: boolean }} what */
    async append({ id, value, held }) {
      const { list } = await (
        await handleOf({ id, held })
      ).update((data) => ({ ...data, list: [...data.list, value] }));
      return list.length - 1;
    },

    /** @param {{ id: string, field: string, value: string, held?: boolean }} what */
    async patch({ id, field, value, held }) {
      await (await handleOf({ id, held })).patch({ [field]: value });
    },

    /** @param {string} id */
    async read(id) {
      const session = await sessions.get(id);
      return session === undefined ? null : { version: session.version, data: session.data };
    },

    /** @param {{ id: string, subject: string }} whose */
    async identify({ id, subject }) {
      const { token } = await (await handleOf({ id })).identify(subject);
      return { id, token };
    },

    /** @param {string} subject */
    async bySubject(subject) {
      return (await sessions.bySubject(subject)).map(({ id }) => id);
    },

    /** @param {string} id */
    presence: (id) => sessions.presence(id),

    /** @param {string} id */
    destroy: (id) => sessions.destroy(id, "by the test"),

    /** @param {string} subject */
    destroySubject: (subject) => sessions.destroySubject(subject, "by the test"),

    changes: () => changes,

    diagnostics: () => ({ ...sessions.diagnostics }),

    async close() {
      await sessions.close({ drainMs: 100 });
      for (const { socket } of [...clients.values()].flat()) socket.terminate();
      server.close();
      client.disconnect();
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof openApplication>>} Application */

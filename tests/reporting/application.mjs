// A server on Redis whose message handler makes the call that the message names, and does not await it.
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import uWS from "uWebSockets.js";
import { WebSocketServer } from "ws";

/**
 * @typedef {{ n: number }} Data
 * @typedef {import("@wsession/core").Connection<Data, unknown, never>} Connection
 * @typedef {import("@wsession/core").Session<Data>} Session
 */

const { redis, prefix, runtime } = JSON.parse(process.argv[2] ?? "{}");
const client = new Redis(redis, "127.0.0.1");
client.on("error", () => undefined);

/** @returns {Data} */
const initial = () => ({ n: 0 });

const sessions = createSessions({
  store: redisStore({ client, prefix }),
  initial,
  onError: (error, { stage, connection }) =>
    process.send?.({
      stage,
      code: error instanceof Error && "code" in error ? error.code : String(error),
      ofConnection: connection !== undefined,
    }),
});

/** @type {Map<string, (connection: Connection) => unknown>} */
const calls = new Map(
  Object.entries({
    "session.set": ({ session }) => session.set({ n: 1 }),
    "session.patch": ({ session }) => session.patch({ n: 1 }),
    "session.patch, three in one tick": ({ session }) => {
      void session.patch({ n: 1 });
      void session.patch({ n: 2 });
      void session.update(() => ({ n: 3 }));
    },
    "session.patch().then(…)": ({ session }) => session.patch({ n: 1 }).then(() => 1),
    "session.patch().then(…).then(…)": ({ session }) =>
      session
        .patch({ n: 1 })
        .then(() => 1)
        .then(() => 2),
    "session.patch().finally(…)": ({ session }) => session.patch({ n: 1 }).finally(() => undefined),
    "session.update": ({ session }) => session.update(({ n }) => ({ n: n + 1 })),
    "session.refresh": ({ session }) => session.refresh(),
    "session.touch": ({ session }) => session.touch(),
    "session.extend": ({ session }) => session.extend(),
    "session.identify": ({ session }) => session.identify("ada"),
    "session.rotate": ({ session }) => session.rotate(),
    "session.destroy": ({ session }) => session.destroy(),
    setSession: (connection) => connection.setSession({ n: 1 }),
    "ready().then(…), which throws": (connection) =>
      connection.ready().then(() => {
        throw new Error("a typo");
      }),
    "a handle's own mistake": ({ session }) =>
      session.update(() => {
        throw new Error("a typo");
      }),
    "sessions.get": ({ session }) => sessions.get(session.id),
    "sessions.create": () => sessions.create({ n: 1 }),
    "sessions.destroy": ({ session }) => sessions.destroy(session.id),
    "sessions.bySubject": () => sessions.bySubject("ada"),
    "sessions.destroySubject": () => sessions.destroySubject("ada"),
    "sessions.presence": ({ session }) => sessions.presence(session.id),
    "an administrative patch": ({ session }) => administrative.get(session.id)?.patch({ n: 1 }),
    "an administrative refresh": ({ session }) => administrative.get(session.id)?.refresh(),
    "binding.close": () => binding.close(),
    "sessions.close": () => sessions.close(),
  }),
);

/** @type {Map<string, Session>} */
const administrative = new Map();

/** @type {import("@wsession/core").HandlersOf<typeof sessions>} */
const handlers = {
  async open(connection) {
    const session = await sessions.get(connection.session.id);
    if (session !== undefined) administrative.set(session.id, session);
    connection.send("open");
  },
  async message(connection, text) {
    const [how, name = ""] = `${text}`.split(":");
    const call = calls.get(name);
    if (how === "ping") connection.send("pong");
    else if (how === "caught") {
      await Promise.resolve(call?.(connection)).catch(() => undefined);
      connection.send("caught");
    } else if (how === "awaited") await call?.(connection);
    // The mistake of this application.
    else void call?.(connection);
  },
};

/** @type {import("@wsession/core").Binding} */
let binding;
if (runtime === "ws") {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  binding = bindWs(server, sessions, handlers);
  server.on("listening", () => {
    const address = server.address();
    if (address !== null && typeof address === "object") process.send?.({ port: address.port });
  });
} else {
  const app = uWS.App();
  binding = bindUws(app, "/*", sessions, handlers);
  app.listen("127.0.0.1", 0, (token) => {
    if (token) process.send?.({ port: uWS.us_socket_local_port(token) });
  });
}

// One process of an application on Redis with the packages of one release: those of 0.1, those of this repository, or those of a next one.
import { register } from "node:module";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";

/** @typedef {{ n: number }} Data */
/** @typedef {typeof import("@wsession/core") & typeof import("@wsession/adapter-ws") & typeof import("@wsession/store-redis")} Library */
/** @typedef {{ do: "update", times: number } | { do: "rotate" } | { do: "identify" | "destroySubject", subject: string } | { do: "destroy" }} Command */

const { redis, prefix, release } = JSON.parse(process.argv[2] ?? "{}");
const { accept, bindSessions, createSessions, queryToken, redisStore } = await load();
const client = new Redis(redis, "127.0.0.1");

/** @returns {Promise<Library>} */
async function load() {
  if (release === "0.1") return import(String(new URL("release-0.1.mjs", import.meta.url)));
  if (release === "next") register("./next-hooks.mjs", import.meta.url);
  const packages = ["@wsession/core", "@wsession/adapter-ws", "@wsession/store-redis"];
  const modules = await Promise.all(packages.map(async (name) => import(name)));
  return Object.assign({}, ...modules);
}

const sessions = createSessions({
  // The default of two seconds is short for a busy machine.
  store: redisStore({ client, prefix, timeoutMs: 10_000 }),
  token: queryToken(),
  admit({ url }) {
    const { searchParams } = new URL(url, "ws://x");
    const idleMs = searchParams.get("idleMs");
    return accept(idleMs === null ? {} : { idleMs: Number(idleMs) });
  },
  /** @returns {Data} */
  initial: () => ({ n: 0 }),
  onError: (error) => process.send?.({ code: codeOf(error) }),
});

/** @param {unknown} error */
function codeOf(error) {
  return typeof error === "object" && error !== null && "code" in error ? error.code : String(error);
}

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
bindSessions(server, sessions, {
  open(connection) {
    const { id, data, subject } = connection.session;
    const { token, resumed } = connection;
    connection.send(JSON.stringify({ type: "open", id, data, subject, token, resumed }));
  },
  async message(connection, text) {
    /** @type {Command} */
    const command = JSON.parse(`${text}`);
    const { session } = connection;
    let token;
    switch (command.do) {
      case "update":
        for (let times = 0; times < command.times; times += 1)
          await session.update((data) => ({ ...data, n: data.n + 1 }));
        break;
      case "rotate":
        ({ token } = await session.rotate());
        break;
      case "identify":
        ({ token } = await session.identify(command.subject));
        break;
      case "destroy":
        await sessions.destroy(session.id, "by command");
        return;
      case "destroySubject":
        await sessions.destroySubject(command.subject, "by command");
        return;
    }
    connection.send(JSON.stringify({ type: "done", data: session.data, token }));
  },
  change(connection, data) {
    connection.send(JSON.stringify({ type: "change", data }));
  },
});
server.on("listening", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.send?.({ port: address.port });
});

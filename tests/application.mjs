// One process of an application, on Redis or in memory: a server of a runtime, driven by its clients' messages.
import { setImmediate as turn } from "node:timers/promises";
import { accept, createSessions, mapStore, queryToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";

/**
 * @typedef {{ n: number, list?: string[], [field: string]: unknown }} Data
 * @typedef {{ do: "update", times: number } | { do: "patch", fields: Partial<Data> } | { do: "destroy" } | { do: "read" } | { do: "identify", as: string }} Command
 */

// The default of two seconds is short for a busy machine.
const { redis, prefix, runtime, options, timeoutMs = 10_000 } = JSON.parse(process.argv[2] ?? "{}");
const store =
  redis === undefined ? mapStore() : redisStore({ client: new Redis(redis, "127.0.0.1"), prefix, timeoutMs });

/** @returns {Data} */
const initial = () => ({ n: 0 });

const sessions = createSessions({
  store,
  token: queryToken(),
  ...options,
  admit: ({ url }) => accept({ subject: new URL(url, "ws://x").searchParams.get("as") ?? undefined }),
  initial,
  onError: (error) => process.send?.({ error: String(error) }),
});

/** @type {import("@wsession/core").HandlersOf<typeof sessions>} */
const handlers = {
  open(connection) {
    const { id, data, version } = connection.session;
    connection.send(
      JSON.stringify({
        type: "open",
        id,
        data,
        version,
        token: connection.token,
        resumed: connection.resumed,
      }),
    );
  },
  async message(connection, text) {
    /** @type {Command} */
    const command = JSON.parse(`${text}`);
    const { session } = connection;
    if (command.do === "update") {
      for (let times = 0; times < command.times; times += 1)
        await session.update((data) => ({ ...data, n: data.n + 1 }));
    } else if (command.do === "patch") await session.patch(command.fields);
    else if (command.do === "identify") await session.identify(command.as);
    else if (command.do === "destroy") await sessions.destroy(session.id, "by command");
    connection.send(JSON.stringify({ type: "done", data: session.data, version: session.version }));
  },
  // Counts a numbered message, and notes it.
  async transaction(tx, text) {
    const { n, list = [] } = tx.data;
    // So that ends of connections and other writers come between the read and the commit.
    await turn();
    tx.patch({ n: n + 1, list: [...list, `${text}`] });
    tx.send(JSON.stringify({ type: "counted", n: n + 1, message: `${text}` }));
  },
  change(connection, data) {
    connection.send(JSON.stringify({ type: "change", data }));
  },
};

const { listen } = await import(`./servers/${runtime}.mjs`);
process.send?.({ port: await listen(sessions, handlers) });

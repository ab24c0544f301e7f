// One process of an application on Redis: a server of a runtime, driven by its clients' messages.
import { accept, createSessions, queryToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";

/**
 * @typedef {{ n: number, [field: string]: unknown }} Data
 * @typedef {{ do: "update", times: number } | { do: "patch", fields: Partial<Data> } | { do: "destroy" } | { do: "read" } | { do: "identify", as: string }} Command
 */

const { redis, prefix, runtime, options } = JSON.parse(process.argv[2] ?? "{}");
const client = new Redis(redis, "127.0.0.1");

/** @returns {Data} */
const initial = () => ({ n: 0 });

const sessions = createSessions({
  store: redisStore({ client, prefix }),
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
  change(connection, data) {
    connection.send(JSON.stringify({ type: "change", data }));
  },
};

const { listen } = await import(`./servers/${runtime}.mjs`);
process.send?.({ port: await listen(sessions, handlers) });

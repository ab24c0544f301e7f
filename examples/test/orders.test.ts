// The recipe of docs/transactions.md for a table in PostgreSQL, on PostgreSQL, Redis, and servers in processes of their own (I21).
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { tokenInMemory } from "@wsession/client";
import { createSessions } from "@wsession/core";
import postgres from "postgres";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { useRedisServer } from "../../packages/store-redis/test/shared-servers.ts";
import { open } from "../../tests/client/clients.ts";
import { Line } from "../../tests/client/line.ts";
import { newPrefix, openStore } from "../../tests/stores.ts";

const PROGRAM = fileURLToPath(new URL("orders-server.mjs", import.meta.url));

const redis = useRedisServer();

// PostgreSQL in this process, with its own protocol on a port.
let db: PGlite;
let server: PGLiteSocketServer;
let database: { readonly port: number; readonly sql: postgres.Sql };
beforeAll(async () => {
  db = await PGlite.create();
  server = new PGLiteSocketServer({ db, host: "127.0.0.1", port: 0, maxConnections: 4 });
  await server.start();
  const port = Number(server.getServerConn().split(":").at(-1));
  const sql = postgres({ host: "127.0.0.1", port, username: "postgres", database: "postgres", max: 1 });
  await sql`CREATE TABLE handled (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())`;
  await sql`CREATE TABLE orders (item text NOT NULL)`;
  database = { port, sql };
  // PostgreSQL is compiled for this process: a minute was too short on a very busy machine.
}, 240_000);
afterAll(async () => {
  await database.sql.end();
  await server.stop();
  await db.close();
});

type Fault = "killed" | "conflict";

async function startServer(options: {
  readonly postgres: number;
  readonly prefix: string;
  readonly fault?: Fault;
}) {
  const child = fork(PROGRAM, [JSON.stringify({ redis: redis.port, ...options })]);
  const exited = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const ended = exited.then(([code]) => Promise.reject(new Error(`orders-server.mjs ended with ${code}`)));
  const [{ port }] = (await Promise.race([once(child, "message"), ended])) as [{ readonly port: number }];
  ended.catch(() => undefined);
  return { port, exited };
}

test.each<Fault>(["killed", "conflict"])(
  "after the database has committed, the server has the fault %s: each order is in the table once, and the session counts each once",
  async (fault) => {
    const prefix = newPrefix();
    const { port, sql } = database;
    await sql`TRUNCATE handled, orders`;
    const faulty = await startServer({ postgres: port, prefix, fault });
    const sound = await startServer({ postgres: port, prefix });
    const line = await Line.to(faulty.port);
    void faulty.exited.then(() => (line.target = sound.port));
    const watched = open(line, { token: tokenInMemory() });
    const { id } = await watched.until("session");
    await Promise.all(["tea", "cake", "tea"].map((item) => watched.client.send(item)));
    const orders = await sql<{ item: string }[]>`SELECT item FROM orders`;
    expect(orders.map(({ item }) => item)).toEqual(["tea", "cake", "tea"]);
    expect(await sql`SELECT id FROM handled`).toHaveLength(3);
    const sessions = createSessions<{ orders: number }>({
      store: openStore("redis", redis.port, { prefix }),
    });
    onTestFinished(() => sessions.close());
    expect((await sessions.get(id))?.data).toMatchObject({ orders: 3 });
    // The fault happened: the session has the other writer's change, or its process is gone.
    if (fault === "killed") expect(await faulty.exited).toEqual([null, "SIGKILL"]);
    else expect((await sessions.get(id))?.data).toMatchObject({ by: "another writer" });
  },
);

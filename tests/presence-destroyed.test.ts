// The event `destroyed` of sessions that a process without a function for the event destroys.
import { Journal } from "@wsession/conformance";
import { accept, cookieToken, createSessions, queryToken } from "@wsession/core";
import type { Connection, SessionEvent, SessionEvents, Sessions, SessionsOptions } from "@wsession/core";
import { httpSessions } from "@wsession/http";
import { type RedisStoreOptions, redisStore } from "@wsession/store-redis";
import type { Cluster, Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { clusterOf } from "../packages/store-redis/test/processes.ts";
import { useStandaloneAndCluster } from "../packages/store-redis/test/shared-servers.ts";
import { connect, serve } from "./runtimes.ts";
import { disposeOf, newPrefix, redisClient } from "./stores.ts";

const servers = useStandaloneAndCluster();
/** The lease of processes whose end must be detected soon. A busy machine may stall a process for longer than this lease. */
const SHORT_LEASE_MS = 1_000;
/** A busy machine may take long. */
const TIMEOUT_MS = 10_000;

type Data = { readonly n: number };

function clientOf(kind: "standalone" | "cluster"): Redis | Cluster {
  if (kind === "standalone") return redisClient(servers.standalone?.port ?? 0);
  const client = clusterOf(servers.cluster?.nodes ?? [])();
  disposeOf(client);
  return client;
}

describe.each(["standalone", "cluster"] as const)("on a %s", (kind) => {
  /** The processes of one application. `reported` has the events that all processes report, as "type subject". */
  function application() {
    const prefix = newPrefix();
    const reported = new Journal<string>();
    const ids: string[] = [];
    const note = (type: string) => (event: SessionEvent) => {
      ids.push(event.id);
      reported.note(`${type} ${event.subject}`);
    };
    const start = (
      types: readonly (keyof SessionEvents)[],
      options: SessionsOptions<Data> = {},
      storeOptions: Partial<RedisStoreOptions> = {},
    ) => {
      const client = clientOf(kind);
      const sessions = createSessions<Data>({
        store: redisStore({ client, prefix, timeoutMs: TIMEOUT_MS, confirmMs: TIMEOUT_MS, ...storeOptions }),
        events: Object.fromEntries(types.map((type) => [type, note(type)])),
        ...options,
      });
      onTestFinished(() => sessions.close());
      return sessions;
    };
    const remaining = async (): Promise<string[]> => {
      const client = clientOf(kind);
      const nodes = "nodes" in client ? client.nodes("master") : [client];
      const keys = await Promise.all(nodes.map((node) => node.keys(`${prefix}:d:*`)));
      return keys.flat();
    };
    return { start, reported, ids, remaining };
  }

  test("a process without events destroys sessions of a process with events.destroyed: each is reported once", async () => {
    const { start, reported, ids, remaining } = application();
    const listening = start(["destroyed"]);
    const silent = start([]);
    const { session: one } = await listening.create({ n: 0 }, { subject: "one" });
    for (let n = 0; n < 20; n += 1) await listening.create({ n }, { subject: "many" });
    expect((await silent.destroy(one.id)).destroyed).toBe(1);
    expect((await silent.destroySubject("many")).destroyed).toBe(20);
    expect((await silent.destroy(one.id)).destroyed).toBe(0);
    await reported.until(21);
    await expect.poll(remaining).toEqual([]);
    expect(reported.entries.toSorted()).toEqual([
      ...Array.from({ length: 20 }, () => "destroyed many"),
      "destroyed one",
    ]);
    expect(new Set(ids).size).toBe(21);
  });

  test("a session that maxSessionsPerSubject ends in a process without events is reported", async () => {
    const { start, reported } = application();
    const limit = { maxSessionsPerSubject: 1 };
    const listening = start(["destroyed"], limit);
    const silent = start([], limit);
    await listening.create({ n: 1 }, { subject: "ada" });
    await silent.create({ n: 2 }, { subject: "ada" });
    await reported.until(1);
    expect(reported.entries).toEqual(["destroyed ada"]);
  });

  test("a session that no process with events.destroyed has held causes no event, and leaves nothing to report", async () => {
    const { start, reported, remaining } = application();
    start(["destroyed"]);
    const silent = start([]);
    const other = start(["left"]);
    for (const sessions of [silent, other]) {
      const { session } = await sessions.create({ n: 0 }, { subject: "bob" });
      expect((await silent.destroy(session.id)).destroyed).toBe(1);
    }
    expect(await remaining()).toEqual([]);
    expect(reported.entries).toEqual([]);
  });

  test("a logout by HTTP in a process without events is reported", async () => {
    const { start, reported } = application();
    const cookie = cookieToken({ name: "app", secure: false });
    const origin = "https://app.example.com";
    const options = { token: cookie, origins: [origin] };
    const listening = start(["destroyed"], options);
    const http = httpSessions(start([], options), { cookie });
    const { token } = await listening.create({ n: 0 }, { subject: "ada" });
    const request = new Request(origin, { method: "POST", headers: { origin, cookie: `app=${token}` } });
    await http.logout(request, new Headers());
    await reported.until(1);
    expect(reported.entries).toEqual(["destroyed ada"]);
  });

  test("a session that a process with events.destroyed once held causes the event", async () => {
    const { start, reported } = application();
    const options: SessionsOptions<Data> = {
      token: queryToken(),
      admit: ({ url }) => accept({ subject: new URL(url, "ws://x").searchParams.get("as") ?? "nobody" }),
      initial: () => ({ n: 0 }),
    };
    const opened = new Journal<Connection<Data>>();
    const processes = { silent: start([], options), listening: start(["destroyed"], options) };
    const serving = (sessions: Sessions<Data>) =>
      serve("ws", sessions, { open: (connection) => opened.note(connection) });
    const silent = await serving(processes.silent);
    const listening = await serving(processes.listening);
    const visit = async (
      server: { readonly port: number },
      as: string,
      token = "",
    ): Promise<Connection<Data>> => {
      const before = opened.entries.length;
      await connect(server, `/?as=${as}&token=${token}`);
      await opened.until(before + 1);
      return opened.entries[before] ?? expect.unreachable();
    };
    // A second connection, and a return of the session to the process in which it began.
    const { token = "", session } = await visit(silent, "ada");
    await visit(listening, "ada", token);
    await visit(silent, "ada", token);
    await visit(silent, "bob");
    await processes.silent.destroySubject("bob");
    expect((await processes.silent.destroy(session?.id ?? "")).closed).toBe(3);
    await reported.until(1);
    expect(reported.entries).toEqual(["destroyed ada"]);
  });

  test("an event waits while no process with events.destroyed runs, and is reported to the next such process", async () => {
    const { start, reported, ids } = application();
    const short = { leaseMs: SHORT_LEASE_MS };
    const listening = start(["destroyed"], {}, short);
    const silent = start([], {}, short);
    const { session } = await listening.create({ n: 0 }, { subject: "ada" });
    await listening.close();
    expect((await silent.destroy(session.id)).destroyed).toBe(1);
    // It takes over the queues of processes that have ended, and must not take the event with them.
    const other = start(["left", "expired"], { leaveAfterMs: 100 }, short);
    const lifetimes = { absoluteMs: 2 * SHORT_LEASE_MS };
    const { session: expiring } = await other.create({ n: 0 }, { subject: "bob", ...lifetimes });
    await reported.until(1);
    expect(reported.entries).toEqual(["expired bob"]);
    expect(expiring.id).not.toBe(session.id);
    start(["destroyed"], {}, short);
    await reported.until(2);
    expect(reported.entries).toEqual(["expired bob", "destroyed ada"]);
    expect(ids[1]).toMatch(new RegExp(`^${session.id}:destroyed:`));
  });
});

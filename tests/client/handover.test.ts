/** A deploy: a process hands its clients over to another one. The real client, both runtimes, processes of their own over Redis. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { tokenInMemory } from "@wsession/client";
import type { WatchedClient } from "@wsession/conformance";
import { createSessions, mapStore, protocolToken } from "@wsession/core";
import type { Handlers, PresenceEvent, Sessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { useRedisServer } from "../../packages/store-redis/test/shared-servers.ts";
import { runtimeNames, serve } from "../runtimes.ts";
import type { RuntimeName } from "../runtimes.ts";
import { newPrefix, redisClient } from "../stores.ts";
import { open } from "./clients.ts";
import { Line } from "./line.ts";

const PROGRAM = fileURLToPath(new URL("handover-server.mjs", import.meta.url));

/**
 * Milliseconds that a call of the store has. On a busy machine a process or Redis stalls for longer than the default of 2 s. The
 * server then closes a live connection with 4503, and a client of a faultless handover is not live for a moment.
 */
const STORE_MS = 20_000;
/** Milliseconds that a handover of one client has. The handover ends as soon as the client has left. */
const MOVE_MS = 20_000;

// A test starts two processes, which take several seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const redis = useRedisServer();

interface Data {
  readonly said: readonly string[];
}

/** `storeMs`: milliseconds that a call of the store has. */
interface ProcessOptions {
  readonly drainMs: number;
  readonly storeMs: number;
  readonly exclusive?: boolean;
}

interface Process {
  readonly port: number;
  /** Sends SIGTERM. Resolves with the exit code. */
  handOver(): Promise<number>;
}

async function startProcess(
  options: ProcessOptions & { readonly prefix: string; readonly runtime: RuntimeName },
): Promise<Process> {
  const child = fork(PROGRAM, [JSON.stringify({ redis: redis.port, ...options })]);
  const exited = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const [{ port }] = (await once(child, "message")) as [{ readonly port: number }];
  const handOver = async (): Promise<number> => {
    child.kill("SIGTERM");
    const [code] = (await exited) as [number];
    return code;
  };
  return { port, handOver };
}

/** What a balancer does: new connections go to the process that does not hand over. Existing ones stay. */
async function twoProcesses(runtime: RuntimeName, options: ProcessOptions) {
  const prefix = newPrefix();
  const other: RuntimeName = runtime === "ws" ? "uws" : "ws";
  const [first, second] = await Promise.all(
    [runtime, other].map((one) => startProcess({ prefix, runtime: one, ...options })),
  );
  if (first === undefined || second === undefined) throw new Error("unreachable: two were started");
  const line = await Line.to(first.port);
  /** A third process: sends to the sessions, and watches their subjects. */
  const outside: Sessions<Data, unknown, never> = createSessions({
    store: redisStore({ client: redisClient(redis.port), prefix, timeoutMs: STORE_MS }),
    initial: () => ({ said: [] }),
    leaveAfterMs: 60_000,
    onError: () => undefined,
  });
  onTestFinished(() => outside.close());
  const handOver = (): Promise<number> => {
    line.target = second.port;
    return first.handOver();
  };
  return { line, first, second, outside, handOver };
}

async function live(line: Line, subject: string): Promise<WatchedClient & { readonly id: string }> {
  const watched = open(line, { token: tokenInMemory() }, `/?as=${subject}`);
  const { id } = await watched.until("session");
  return { ...watched, id };
}

const texts = ({ of }: WatchedClient): string[] => of("message").map(({ data }) => String(data));
const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

/** The statuses of a client after it was live first. The first attempts may have failed. */
const later = ({ of }: WatchedClient): string[] => {
  const statuses = of("status").map(({ status }) => status);
  return statuses.slice(statuses.indexOf("live") + 1);
};

describe.each(runtimeNames)("a process on %s that hands over", (runtime) => {
  test("I15 I16 I21 I22 gives its clients to another process: each message both ways once and in order, always live, and no change of presence", async () => {
    // The last client gets the request to move after 4.7 s, and has 7.3 s for the move.
    const { line, outside, handOver } = await twoProcesses(runtime, { drainMs: 12_000, storeMs: STORE_MS });
    const clients = await Promise.all(["ada", "bob", "cyd"].map((subject) => live(line, subject)));
    const presence: PresenceEvent[] = [];
    const watching = new AbortController();
    await outside.watch(["ada", "bob", "cyd"], (event) => presence.push(event), { signal: watching.signal });
    const before = presence.length;
    const exited = handOver();
    let isOver = false;
    void exited.then(() => (isOver = true));
    const settled: Promise<unknown>[] = [];
    let count = 0;
    // The last messages go to the process that took over.
    for (let rest = 10; rest > 0; rest -= isOver ? 1 : 0) {
      for (const { client, id } of clients)
        settled.push(client.send(String(count)), outside.send(id, `kept ${count}`));
      count += 1;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await exited).toBe(0);
    await Promise.all(settled);
    for (const one of clients) {
      await one.until("message", ({ data }) => data === `kept ${count - 1}`);
      expect(texts(one).filter((text) => text.startsWith("kept"))).toEqual(
        numbered(count).map((n) => `kept ${n}`),
      );
      expect(texts(one).filter((text) => text.startsWith("got"))).toEqual(
        numbered(count).map((n) => `got ${n}`),
      );
      expect((await outside.get(one.id))?.data.said).toEqual(numbered(count));
      expect(later(one)).toEqual([]);
      expect(one.of("missed")).toEqual([]);
    }
    watching.abort();
    expect(presence.slice(before)).toEqual([]);
  });

  test("I1 I23 with an exclusive session the second connection takes over, and the client is live again at once, not replaced", async () => {
    const { line, outside, handOver } = await twoProcesses(runtime, {
      exclusive: true,
      drainMs: MOVE_MS,
      storeMs: STORE_MS,
    });
    const one = await live(line, "ada");
    const settled = numbered(20).map((n) => one.client.send(n));
    expect(await handOver()).toBe(0);
    settled.push(one.client.send("20"));
    await Promise.all(settled);
    expect(one.of("closed")).toEqual([]);
    expect((await outside.get(one.id))?.data.said).toEqual(numbered(21));
    // The takeover may end the first connection before the hello of the second one.
    expect([[], ["connecting", "live"]]).toContainEqual(later(one));
  });
});

test("I17 I21 a handover while Redis is away: the process ends, and the client comes back with Redis and loses nothing", async () => {
  const { line, outside, handOver } = await twoProcesses("ws", { drainMs: 300, storeMs: 1_000 });
  const one = await live(line, "ada");
  await one.client.send("0");
  redis.pause();
  const sent = one.client.send("1");
  const code = await handOver();
  await one.until("status", ({ status }) => status === "waiting");
  redis.continue();
  expect(code).toBe(0);
  await sent;
  await one.client.send("2");
  expect((await outside.get(one.id))?.data.said).toEqual(numbered(3));
});

describe.each(runtimeNames)("on a map store a server on %s", (runtime) => {
  const start = (): Sessions<Data, unknown, never> =>
    createSessions<Data>({
      store: mapStore(),
      token: protocolToken(),
      initial: () => ({ said: [] }),
      onError: () => undefined,
    });
  const handlers: Handlers<Data, unknown, never> = {
    transaction(tx, message) {
      tx.update(({ said }) => ({ said: [...said, String(message)] }));
    },
  };

  test("I21 hands its clients over to another server of the same process by binding.close", async () => {
    const sessions = start();
    const first = await serve(runtime, sessions, handlers);
    const second = await serve(runtime === "ws" ? "uws" : "ws", sessions, handlers);
    const line = await Line.to(first.port);
    const one = await live(line, "ada");
    line.target = second.port;
    const settled = numbered(20).map((n) => one.client.send(n));
    await first.binding.close({ handover: true, drainMs: MOVE_MS });
    await Promise.all(settled);
    expect((await sessions.get(one.id))?.data.said).toEqual(numbered(20));
    expect(later(one)).toEqual([]);
  });

  test("keeps its clients until drainMs, because no other process has their sessions: a client that moves begins a new session", async () => {
    const first = await serve(runtime, start(), handlers);
    const second = start();
    const next = await serve(runtime, second, handlers);
    const line = await Line.to(first.port);
    const [stays, moves] = [await live(line, "ada"), await live(line, "bob")];
    // The first server refuses new clients, until the balancer (the line) sends them to the second one.
    // The second client gets the request to move after 2 s. The first client's message is handled in 8 s.
    const closing = first.binding.close({ handover: true, drainMs: 8_000 });
    await stays.client.send("handled");
    line.target = next.port;
    await moves.until("session", ({ resumed, id }) => !resumed && id !== moves.id);
    await closing;
    await stays.until("session", ({ id }) => id !== stays.id);
    expect(await second.get(moves.id)).toBeUndefined();
  });
});

/** What happens to Redis, or to the session, in the middle of a replay of 1,000 kept messages. */
import { FramedPeer, Journal } from "@wsession/conformance";
import { createSessions, isSessionError, queryToken } from "@wsession/core";
import type { Connection, ReadRequest } from "@wsession/core";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { redisStore } from "@wsession/store-redis";
import { describe, expect, onTestFinished, test } from "vitest";
import { connected } from "../packages/store-redis/test/processes.ts";
import { startRedis, until } from "../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../packages/store-redis/test/redis-server.ts";
import { startProxy } from "../packages/store-redis/test/tcp-proxy.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import type { RuntimeName } from "./runtimes.ts";
import { newPrefix, redisClient } from "./stores.ts";

type Data = { readonly n: number };

const COUNT = 1_000;
/** 250 KiB are four pages of 64 KiB. */
const TEXT = "x".repeat(250);
const PROTOCOLS = [DECOY_SUBPROTOCOL, SUBPROTOCOL];

interface Options {
  readonly timeoutMs: number;
  readonly exclusive?: boolean;
}

/** A server whose session has 1,000 kept messages. `port` is of Redis, or of a proxy before it. */
async function open(runtime: RuntimeName, port: number, { timeoutMs, exclusive = false }: Options) {
  const store = redisStore({ client: redisClient(port), prefix: newPrefix(), timeoutMs });
  const read = store.read.bind(store);
  let reads = 0;
  let inTheMiddle: (() => unknown) | undefined;
  store.read = async (request: ReadRequest) => {
    reads += 1;
    const act = reads > 1 ? inTheMiddle : undefined;
    if (act !== undefined) {
      inTheMiddle = undefined;
      await act();
    }
    return read(request);
  };
  const errors: unknown[] = [];
  const opened = new Journal<Connection<Data, unknown, never>>();
  const sessions = createSessions<Data>({
    store,
    token: queryToken(),
    initial: () => ({ n: 0 }),
    exclusive,
    outbox: { maxMessages: COUNT + 10, maxBytes: 1024 * 1024 },
    onError: (error) => errors.push(error),
  });
  const server = await serve(runtime, sessions, { open: (connection) => opened.note(connection) });
  await connected({ store });
  const { session, token } = await sessions.create({ n: 0 });
  const sends = Array.from({ length: COUNT }, (_, n) => sessions.send(session.id, `${n + 1} ${TEXT}`));
  await Promise.all(sends);
  const raw = () => connect(server, `/?token=${token}`);
  const dial = async () =>
    FramedPeer.over(await connect(server, `/?token=${token}`, { protocols: PROTOCOLS }));
  /** Runs `act` at the second page that is read from now on. */
  const middle = (act: () => unknown) => {
    reads = 0;
    inTheMiddle = act;
  };
  return { sessions, id: session.id, errors, raw, dial, middle };
}

/** Attaches with the position of `before`, if there is one, and reads until all came or the connection ended. */
async function replay(peer: FramedPeer, session: string, before: FramedPeer | undefined, last = COUNT) {
  if (before?.position === undefined) peer.attach({ session, at: { offset: 0, chain: 0 } });
  else peer.attach({ session, client: peer.id, at: before.position, witness: before.witness });
  const ended = peer.client.closed.then(({ code }) => code);
  for (;;) {
    const frame = await Promise.race([peer.next().catch(() => undefined), ended.then(() => undefined)]);
    if (frame === undefined) return { offsets: peer.keptOffsets, code: await ended };
    if ((peer.position?.offset ?? 0) >= last) return { offsets: peer.keptOffsets, code: undefined };
  }
}

/** Connects again as long as the server says 4503, as a client does: the store's own connections come back one after another. */
async function comeBack(dial: () => Promise<FramedPeer>, session: string, first: FramedPeer) {
  const offsets: number[] = [];
  let before = first;
  for (;;) {
    const last = await dial();
    const part = await replay(last, session, before);
    offsets.push(...part.offsets);
    if (part.code === undefined) return { last, offsets };
    expect(part.code).toBe(4503);
    if (last.position !== undefined) before = last;
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n + 1);
}

async function aRedis(args: readonly string[] = []): Promise<RedisServer> {
  const redis = await startRedis(args);
  onTestFinished(() => redis.stop());
  return redis;
}

const outages = {
  SIGSTOP: async (redis: RedisServer) => redis.pause(),
  SIGKILL: (redis: RedisServer) => redis.kill(),
} as const;
const repairs = {
  SIGSTOP: async (redis: RedisServer) => redis.continue(),
  SIGKILL: (redis: RedisServer) => redis.restart(),
} as const;

describe.each(runtimeNames)("%s", (runtime) => {
  test.each(["SIGSTOP", "SIGKILL"] as const)(
    "fault B: I16 %s of Redis during a replay closes with 4503, and the client that comes back gets the other messages, none twice",
    async (signal) => {
      const redis = await aRedis(["--appendonly", "yes", "--appendfsync", "always"]);
      const { sessions, id, errors, raw, dial, middle } = await open(runtime, redis.port, {
        timeoutMs: 2_000,
      });
      const beside = await raw();
      middle(() => outages[signal](redis));
      const first = await dial();
      const begun = await replay(first, id, undefined);
      expect(begun.code).toBe(4503);
      expect(begun.offsets).toEqual(upTo(begun.offsets.length));
      expect(begun.offsets.length).toBeLessThan(COUNT);
      expect(beside.socket.readyState).toBe(beside.socket.OPEN);
      await repairs[signal](redis);
      await until(async () => (await sessions.get(id)) !== undefined, 20_000);
      const { last, offsets } = await comeBack(dial, id, first);
      expect([...begun.offsets, ...offsets]).toEqual(upTo(COUNT));
      // The raw connection has no replay, and gets what is sent from now on, once.
      await sessions.send(id, "live");
      expect(await beside.next()).toBe("live");
      await last.until("kept", ({ offset }) => offset === COUNT + 1);
      expect(errors.every((error) => isSessionError(error, "STORE_UNAVAILABLE"))).toBe(true);
    },
    60_000,
  );

  test("fault B: I16 with a Redis that answers after 1.5 s the whole replay arrives, and a raw connection is served meanwhile", async () => {
    const redis = await aRedis();
    const proxy = await startProxy({ host: "127.0.0.1", port: redis.port });
    onTestFinished(() => proxy.close());
    const { sessions, id, errors, raw, dial, middle } = await open(runtime, proxy.port, { timeoutMs: 5_000 });
    const beside = await raw();
    middle(() => proxy.delayRequests(1_500));
    const peer = await dial();
    expect(await replay(peer, id, undefined)).toEqual({ offsets: upTo(COUNT), code: undefined });
    await sessions.send(id, "live");
    expect(await beside.next()).toBe("live");
    await peer.until("kept", ({ offset }) => offset === COUNT + 1);
    expect(errors).toEqual([]);
  }, 60_000);

  test("fault A1: a destroy during a replay ends the connection with 4410, and nothing is sent after that", async () => {
    const redis = await aRedis();
    const { sessions, id, errors, dial, middle } = await open(runtime, redis.port, { timeoutMs: 5_000 });
    middle(() => sessions.destroy(id, "revoked"));
    const { code, offsets } = await replay(await dial(), id, undefined);
    expect(code).toBe(4410);
    expect(offsets).toEqual(upTo(offsets.length));
    expect(offsets.length).toBeLessThan(COUNT);
    expect(errors).toEqual([]);
  });

  test("fault A1: I13 a takeover during a replay ends the connection with 4409, and the newer connection gets every message", async () => {
    const redis = await aRedis();
    const { id, errors, dial, middle } = await open(runtime, redis.port, {
      timeoutMs: 5_000,
      exclusive: true,
    });
    const newer: FramedPeer[] = [];
    middle(async () => void newer.push(await dial()));
    const first = await replay(await dial(), id, undefined);
    expect(first.code).toBe(4409);
    expect(first.offsets.length).toBeLessThan(COUNT);
    const all = await replay(newer[0] ?? expect.fail("no newer connection"), id, undefined);
    expect(all).toEqual({ offsets: upTo(COUNT), code: undefined });
    expect(errors).toEqual([]);
  });

  test("I16 identify during a replay does not interrupt it: the connection stays, and gets every message", async () => {
    const redis = await aRedis();
    const { sessions, id, errors, dial, middle } = await open(runtime, redis.port, { timeoutMs: 5_000 });
    middle(async () => (await sessions.get(id))?.identify("other"));
    expect(await replay(await dial(), id, undefined)).toEqual({ offsets: upTo(COUNT), code: undefined });
    expect((await sessions.get(id))?.subject).toBe("other");
    expect(errors).toEqual([]);
  });
});

import { redisStore } from "@wsession/store-redis";
import { AdapterTrial, within } from "@wsession/conformance";
import type { AdapterHarness, AdapterServer, Client, RawClient } from "@wsession/conformance";
import { cookieToken, isSessionError, mapStore } from "@wsession/core";
import type { SessionError, SessionStore, TokenCarrier } from "@wsession/core";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { uwsHarness } from "../../packages/adapter-uws/test/servers.ts";
import { wsHarness } from "../../packages/adapter-ws/test/servers.ts";
import { PATIENCE_MS } from "../stores.ts";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../../packages/store-redis/test/redis-server.ts";

/** Each attack is tried on every runtime, because none may be vulnerable. */
export const runtimes: readonly AdapterHarness[] = [wsHarness("port"), uwsHarness()];

/** Servers and peers for one test. All of them are closed after it. */
export function useTrial(harness: AdapterHarness): () => AdapterTrial {
  let trial = new AdapterTrial(harness);
  beforeEach(() => {
    trial = new AdapterTrial(harness);
  });
  afterEach(() => trial.dispose());
  return () => trial;
}

export interface RedisFixture {
  /** A client that is closed after the last test of the file. */
  connect(): Redis;
  /** Creates a store, as another process would. The same `prefix` means the same sessions. */
  store(prefix?: string): SessionStore;
}

/** One Redis server for the tests of the file. */
export function useRedis(): RedisFixture {
  let server: RedisServer | undefined;
  const clients: Redis[] = [];
  let prefixes = 0;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await server?.stop();
  });
  function connect(): Redis {
    if (server === undefined) throw new Error("redis is started before all tests");
    const client = new Redis(server.port, server.host);
    clients.push(client);
    return client;
  }
  return {
    connect,
    store: (prefix = `t${(prefixes += 1)}`) =>
      redisStore({ client: connect(), prefix, timeoutMs: PATIENCE_MS }),
  };
}

export type StoreName = "map" | "redis";
export const storeNames: readonly StoreName[] = ["map", "redis"];

export function storeOf(name: StoreName, redis: RedisFixture): SessionStore {
  return name === "map" ? mapStore() : redis.store();
}

export const COOKIE = "sid";
/** A cookie carrier without the default `__Host-` prefix, which plain HTTP on 127.0.0.1 cannot use. */
export function testCookie(): TokenCarrier {
  return cookieToken({ name: COOKIE, secure: false });
}

/** The token in the `Set-Cookie` header of a 101; `undefined` if there is none. */
export function cookieOf(client: Pick<Client, "headers">): string | undefined {
  const [header = ""] = client.headers["set-cookie"] ?? [];
  return /^sid=([^;]*)/.exec(header)?.[1];
}

export function withCookie(token: string | undefined): {
  readonly headers: Readonly<Record<string, string>>;
} {
  return { headers: { cookie: `${COOKIE}=${token}` } };
}

/** `token` with another verifier: a guess by an attacker who has the selector. */
export function guess(token: string): string {
  const other = token.at(-2) === "A" ? "B" : "A";
  return token.slice(0, -2) + other + token.slice(-1);
}

export function urlOf(server: AdapterServer, path = "/"): string {
  return `ws://127.0.0.1:${server.port}${path}`;
}

export async function closedOf(client: Client): Promise<number> {
  return (await within(12_000, "the end of the connection", client.closed)).code;
}

/** The code of the close frame sent to a raw peer. Fails if anything else was sent since the handshake. */
export function closeFrameOf({ socket }: RawClient): Promise<number> {
  return new Promise((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      if (chunk.length >= 4 && chunk[0] === 0x88) resolve(chunk.readUInt16BE(2));
    });
  });
}

/** A value that must not appear in anything that may be logged. */
export const SECRET = "s3cr3t-value";

export interface Profile {
  readonly name: string;
  readonly age: number;
}

export async function failure(write: Promise<unknown>): Promise<SessionError> {
  try {
    await write;
  } catch (error) {
    if (isSessionError(error)) return error;
    throw error;
  }
  return expect.fail("it did not reject");
}

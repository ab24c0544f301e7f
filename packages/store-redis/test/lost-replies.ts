// Set-up of the tests in which the replies of one process are lost.
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import { SCRIPT_TEXTS } from "../src/scripts/generated.ts";
import { aCreation } from "./fake-host.ts";
import { type Process, connected, startProcess } from "./processes.ts";
import { type RedisServer, until } from "./redis-server.ts";
import { useRedisServer } from "./shared-servers.ts";
import { type TcpProxy, startProxy } from "./tcp-proxy.ts";

export interface LostReplies {
  readonly server: RedisServer;
  /** A client of the test's own. */
  readonly client: Redis;
  /** Starts a process that reaches the server through a proxy, and one that is undisturbed. */
  readonly behindProxy: (
    timeoutMs?: number,
  ) => Promise<{ proxy: TcpProxy; process: Process; onlooker: Process }>;
  /** The same, once both connections are made and the process has the server's time. */
  readonly settledBehindProxy: LostReplies["behindProxy"];
}

/**
 * Loads all scripts into a server. A server that does not have a script gets it in a second call, and a test has to lose the reply
 * of the one that runs.
 */
export async function loadScripts({ port }: Pick<RedisServer, "port">): Promise<void> {
  const client = new Redis(port);
  for (const text of Object.values(SCRIPT_TEXTS)) await client.script("LOAD", text);
  client.disconnect();
}

/** A Redis server for the tests of a file, with all scripts loaded. */
export function useLoadedScripts(): LostReplies {
  const server = useRedisServer();
  let client: Redis | undefined;
  beforeAll(async () => {
    client = new Redis(server.port);
    await loadScripts(server);
  });
  afterAll(() => client?.disconnect());
  const behindProxy: LostReplies["behindProxy"] = async (timeoutMs = 20_000) => {
    const proxy = await startProxy(server);
    onTestFinished(() => proxy.close());
    const connect = (): Redis => new Redis({ port: proxy.port, host: "127.0.0.1", retryStrategy: () => 10 });
    const process = startProcess(connect, { timeoutMs });
    await connected(process);
    return { proxy, process, onlooker: startProcess(server) };
  };
  return {
    server,
    behindProxy,
    async settledBehindProxy(timeoutMs) {
      const made = await behindProxy(timeoutMs);
      await settled(made.process);
      return made;
    },
    get client() {
      if (client === undefined) throw new Error("the client is created before the first test");
      return client;
    },
  };
}

/** Before a fault: both connections are made, and the process has the server's time. */
export async function settled({ store }: Process): Promise<void> {
  const { id } = aCreation();
  await until(async () => (await store.create(aCreation({ id, hold: true }))).type !== "full");
  await store.release(id);
}

export async function rejection(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return expect.fail("it resolved");
}

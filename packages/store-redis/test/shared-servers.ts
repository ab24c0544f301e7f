// The servers that the tests of one file share: started before its first test, and stopped after its last.
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { type RedisCluster, type RedisServer, startCluster, startRedis } from "./redis-server.ts";

/** One Redis server for the tests of a file. Its properties can be read once the tests run. */
export function useRedisServer(): RedisServer {
  let started: RedisServer | undefined;
  beforeAll(async () => {
    started = await startRedis();
  });
  afterAll(() => started?.stop());
  const server = (): RedisServer => {
    if (started === undefined) throw new Error("the Redis server is started before the first test");
    return started;
  };
  return {
    get host() {
      return server().host;
    },
    get port() {
      return server().port;
    },
    get pid() {
      return server().pid;
    },
    pause: () => server().pause(),
    continue: () => server().continue(),
    kill: () => server().kill(),
    restart: () => server().restart(),
    stop: () => server().stop(),
  };
}

/** One Redis server and one Cluster for the tests of a file; both are there once the tests run. */
export function useStandaloneAndCluster(): {
  readonly standalone: RedisServer | undefined;
  readonly cluster: RedisCluster | undefined;
} {
  const servers: { standalone: RedisServer | undefined; cluster: RedisCluster | undefined } = {
    standalone: undefined,
    cluster: undefined,
  };
  beforeAll(async () => {
    [servers.standalone, servers.cluster] = await Promise.all([startRedis(), startCluster()]);
  });
  afterAll(async () => {
    await Promise.all([servers.standalone?.stop(), servers.cluster?.stop()]);
  });
  return servers;
}

/** A Redis server for one test, with arguments of its own. */
export async function aServer(args: readonly string[] = []): Promise<RedisServer> {
  const server = await startRedis(args);
  onTestFinished(() => server.stop());
  return server;
}

// One server and a Cluster for the tests of a file, and the ways to them through proxies.
import { afterAll, beforeAll } from "vitest";
import { loadScripts } from "../../packages/store-redis/test/lost-replies.ts";
import {
  type RedisCluster,
  type RedisServer,
  startCluster,
  startRedis,
} from "../../packages/store-redis/test/redis-server.ts";
import type { Address, AddressMap, Library, Opened } from "./libraries.ts";
import { type RedisProxy, startRedisProxy } from "./redis-proxy.ts";

/** Where to register what has to be closed, in the reverse order. */
export interface Disposer {
  onTestFinished(close: () => unknown): void;
}

export interface Topology {
  readonly topology: string;
  /** The servers, once the tests run. */
  servers(): readonly RedisServer[];
  /** Whether clients of the library can be led through proxies. */
  isProxied(library: Library): boolean;
  proxied(disposer: Disposer): Promise<Proxied>;
}

/** A proxy before each server. */
export interface Proxied {
  readonly proxies: readonly RedisProxy[];
  /** A client that reaches the servers through the proxies. */
  open(library: Library): Opened;
  /** A client that reaches the servers directly. */
  openDirectly(library: Library): Opened;
}

/** Servers that have all scripts, so that no change needs a second attempt because of a missing one. */
export function useTopologies(): readonly [Topology, Topology] {
  let server: RedisServer | undefined;
  let cluster: RedisCluster | undefined;
  const one = (): readonly RedisServer[] => (server === undefined ? [] : [server]);
  const nodes = (): readonly RedisServer[] => cluster?.nodes ?? [];
  beforeAll(async () => {
    [server, cluster] = await Promise.all([startRedis(), startCluster()]);
    await Promise.all([server, ...cluster.nodes].map(loadScripts));
  });
  afterAll(async () => {
    await Promise.all([server?.stop(), cluster?.stop()]);
  });
  return [
    {
      topology: "one server",
      servers: one,
      isProxied: () => true,
      proxied: (disposer) => proxiedServer(disposer, one()),
    },
    {
      topology: "a Cluster",
      servers: nodes,
      isProxied: ({ mapsAddresses }) => mapsAddresses,
      proxied: (disposer) => proxiedCluster(disposer, nodes()),
    },
  ];
}

async function proxiedServer(disposer: Disposer, [server]: readonly Address[]): Promise<Proxied> {
  if (server === undefined) throw new Error("the server is started before the first test");
  const proxy = await startProxyFor(disposer, server);
  return {
    proxies: [proxy],
    open: (library) => library.server(proxy),
    openDirectly: (library) => library.server(server),
  };
}

async function proxiedCluster(disposer: Disposer, nodes: readonly Address[]): Promise<Proxied> {
  const proxies: RedisProxy[] = [];
  const map: Record<string, Address> = {};
  for (const node of nodes) {
    const proxy = await startProxyFor(disposer, node);
    proxies.push(proxy);
    map[`${node.host}:${node.port}`] = { host: proxy.host, port: proxy.port };
  }
  const behind: AddressMap = map;
  return {
    proxies,
    open: (library) => library.cluster(nodes, { map: behind }),
    openDirectly: (library) => library.cluster(nodes),
  };
}

async function startProxyFor({ onTestFinished }: Disposer, server: Address): Promise<RedisProxy> {
  const proxy = await startRedisProxy(server);
  onTestFinished(() => proxy.close());
  return proxy;
}

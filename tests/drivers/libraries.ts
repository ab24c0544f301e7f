// The client libraries that redisStore() supports, each in the oldest and the newest version of a major version.
import type { RedisClient } from "@wsession/store-redis";
import { Redis as Redis6, Cluster as Cluster6 } from "ioredis";
import { Redis as Redis5, Cluster as Cluster5 } from "ioredis-5";
import { Redis as Redis53, Cluster as Cluster53 } from "ioredis-5.3";
import { Redis as Valkey, Cluster as ValkeyCluster } from "iovalkey";
import * as redis6 from "redis";
import * as redis5 from "redis-5";
import * as redis50 from "redis-5.0";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface User {
  readonly username: string;
  readonly password: string;
}

/** Where the nodes of a Cluster are reached, by the address that the Cluster names. */
export type AddressMap = Readonly<Record<string, Address>>;

export interface ClusterSettings {
  readonly user?: User | undefined;
  readonly map?: AddressMap | undefined;
}

/** A client as an application makes it. */
export interface Opened {
  readonly client: RedisClient;
  /** Resolves once the client is connected, or has failed to. The store does not need to wait, except for Sentinel. */
  readonly connected?: Promise<unknown>;
  close(): void;
}

export interface Library {
  readonly name: string;
  /** Whether the store can reach the nodes of a Cluster by other addresses than those that the Cluster names. */
  readonly mapsAddresses: boolean;
  server(address: Address, user?: User): Opened;
  cluster(nodes: readonly Address[], settings?: ClusterSettings): Opened;
  sentinel(name: string, sentinels: readonly Address[]): Opened;
}

interface IoredisLike {
  on(event: "error", listener: () => void): unknown;
  disconnect(): void;
}

export interface NodeRedisLike {
  on(event: "error", listener: () => void): unknown;
  connect(): Promise<unknown>;
  destroy(): unknown;
  readonly isOpen: boolean;
}

/** Errors of the application's client are not the store's: the store has connections of its own. */
function ioredisClient(client: RedisClient & IoredisLike): Opened {
  client.on("error", () => undefined);
  return { client, close: () => client.disconnect() };
}

function nodeRedisClient(client: RedisClient & NodeRedisLike): Opened {
  client.on("error", () => undefined);
  const connected = client.connect().catch(() => undefined);
  return {
    client,
    connected,
    close: () => {
      void connected.then(() => (client.isOpen ? client.destroy() : undefined));
    },
  };
}

interface SentinelOptions {
  readonly name: string;
  readonly sentinels: Address[];
}

function ioredisLibrary(
  name: string,
  connect: (options: (Address & Partial<User>) | SentinelOptions) => RedisClient & IoredisLike,
  connectCluster: (
    nodes: Address[],
    options: { redisOptions: Partial<User>; natMap?: Record<string, Address> },
  ) => RedisClient & IoredisLike,
): Library {
  return {
    name,
    mapsAddresses: true,
    server: (address, user) => ioredisClient(connect({ ...plain(address), ...user })),
    cluster: (nodes, { user, map } = {}) =>
      ioredisClient(
        connectCluster(nodes.map(plain), {
          redisOptions: { ...user },
          ...(map === undefined ? {} : { natMap: { ...map } }),
        }),
      ),
    sentinel: (primary, sentinels) =>
      ioredisClient(connect({ name: primary, sentinels: sentinels.map(plain) })),
  };
}

/** What node-redis makes in each of its versions. */
interface NodeRedisModule {
  createClient(options: { socket: Address } & Partial<User>): RedisClient & NodeRedisLike;
  createCluster(options: {
    rootNodes: { socket: Address }[];
    defaults: Partial<User>;
    nodeAddressMap?: Record<string, Address>;
  }): RedisClient & NodeRedisLike;
  createSentinel(options: { name: string; sentinelRootNodes: Address[] }): RedisClient & NodeRedisLike;
}

function nodeRedisLibrary(name: string, made: NodeRedisModule, mapsAddresses = true): Library {
  return {
    name,
    mapsAddresses,
    server: (address, user) => nodeRedisClient(made.createClient({ socket: plain(address), ...user })),
    cluster: (nodes, { user, map } = {}) =>
      nodeRedisClient(
        made.createCluster({
          rootNodes: nodes.map((node) => ({ socket: plain(node) })),
          defaults: { ...user },
          ...(map === undefined ? {} : { nodeAddressMap: { ...map } }),
        }),
      ),
    sentinel: (primary, sentinels) =>
      nodeRedisClient(made.createSentinel({ name: primary, sentinelRootNodes: sentinels.map(plain) })),
  };
}

function plain({ host, port }: Address): Address {
  return { host, port };
}

export const libraries: readonly Library[] = [
  ioredisLibrary(
    "ioredis 6",
    (options) => new Redis6(options),
    (nodes, options) => new Cluster6(nodes, options),
  ),
  ioredisLibrary(
    "ioredis 5",
    (options) => new Redis5(options),
    (nodes, options) => new Cluster5(nodes, options),
  ),
  ioredisLibrary(
    "ioredis 5.3",
    (options) => new Redis53(options),
    (nodes, options) => new Cluster53(nodes, options),
  ),
  ioredisLibrary(
    "iovalkey",
    (options) => new Valkey(options),
    (nodes, options) => new ValkeyCluster(nodes, options),
  ),
  nodeRedisLibrary("node-redis 6", redis6),
  nodeRedisLibrary("node-redis 5", redis5),
  // Its clients of a Cluster show no `nodeAddressMap`.
  nodeRedisLibrary("node-redis 5.0", redis50, false),
];

// The client libraries that redisStore() knows, each in the oldest and the newest version of a major version.
import type { RedisClient } from "@wsession/store-redis";
import { Redis as Redis6 } from "ioredis";
import { Redis as Redis5 } from "ioredis-5";
import { Redis as Redis53 } from "ioredis-5.3";
import { Redis as Valkey } from "iovalkey";
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

/** A client as an application makes it. */
export interface Opened {
  readonly client: RedisClient;
  close(): void;
}

export interface Library {
  readonly name: string;
  server(address: Address, user?: User): Opened;
}

interface IoredisLike {
  on(event: "error", listener: () => void): unknown;
  disconnect(): void;
}

interface NodeRedisLike {
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
    close: () => {
      void connected.then(() => (client.isOpen ? client.destroy() : undefined));
    },
  };
}

type IoredisOptions = Address & Partial<User>;

function ioredisLibrary(
  name: string,
  connect: (options: IoredisOptions) => RedisClient & IoredisLike,
): Library {
  return { name, server: (address, user) => ioredisClient(connect({ ...address, ...user })) };
}

export const libraries: readonly Library[] = [
  ioredisLibrary("ioredis 6", (options) => new Redis6(options)),
  ioredisLibrary("ioredis 5", (options) => new Redis5(options)),
  ioredisLibrary("ioredis 5.3", (options) => new Redis53(options)),
  ioredisLibrary("iovalkey", (options) => new Valkey(options)),
  {
    name: "node-redis 6",
    server: (socket, user) => nodeRedisClient(redis6.createClient({ socket, ...user })),
  },
  {
    name: "node-redis 5",
    server: (socket, user) => nodeRedisClient(redis5.createClient({ socket, ...user })),
  },
  {
    name: "node-redis 5.0",
    server: (socket, user) => nodeRedisClient(redis50.createClient({ socket, ...user })),
  },
];

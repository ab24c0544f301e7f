/**
 * A client of a supported library. The types have only the members that identify the library, so that they compile without any of
 * the libraries.
 */
export type RedisClient = IoredisClient | NodeRedisClient;

/** A `Redis` or `Cluster` of ioredis 5.3 or newer, or of iovalkey. */
export interface IoredisClient {
  readonly isCluster: boolean;
  readonly status: string;
  readonly options: object;
  sendCommand(...args: never[]): unknown;
  duplicate(...args: never[]): unknown;
}

/** A client of node-redis 5 or newer: what `createClient` of the package `redis` or `@redis/client` returns. */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  connect(): Promise<unknown>;
  destroy(): unknown;
  sendCommand(...args: never[]): unknown;
}

/**
 * A client of a supported library. The types have only the members that identify the library, so that they compile without any of
 * the libraries.
 */
export type RedisClient = IoredisClient | NodeRedisClient;

/** A `Redis` or `Cluster` of ioredis 5.3 or newer, or of iovalkey. */
export interface IoredisClient {
  /** True for a `Cluster`. */
  readonly isCluster: boolean;
  /** The state of the connection, such as "ready" or "end". */
  readonly status: string;
  /** The options of the client. The store copies the options for the connection to the server. */
  readonly options: object;
  /** Sends one command. */
  sendCommand(...args: never[]): unknown;
  /** Makes another client with the same options. The store uses its own connections, never this client's. */
  duplicate(...args: never[]): unknown;
}

/** A client of node-redis 5 or newer: what `createClient` of the package `redis` or `@redis/client` returns. */
export interface NodeRedisClient {
  /** Whether `connect` was called, and the client was not closed since. */
  readonly isOpen: boolean;
  /** Connects. The store calls it on connections of its own only. */
  connect(): Promise<unknown>;
  /** Ends the connection at once. */
  destroy(): unknown;
  /** Sends one command. */
  sendCommand(...args: never[]): unknown;
}

import { type Cluster, Command, type Redis } from "ioredis";

/** What ioredis connects with: one server, Sentinel, or a Cluster. */
export type RedisClient = Redis | Cluster;

/**
 * Hands single commands to the client. Never through autopipelining, whatever the client's options are: with a Cluster it
 * lets MOVED through while slots move, and it slows EVALSHA.
 */
export class Sender {
  readonly #client: RedisClient;
  readonly #keyPrefix: string;

  constructor(client: RedisClient) {
    this.#client = client;
    this.#keyPrefix = clientPrefix(client);
  }

  send(name: string, args: readonly string[]): Promise<unknown> {
    const command = new Command(name, [...args], { replyEncoding: "utf8", keyPrefix: this.#keyPrefix });
    this.#client.sendCommand(command);
    return command.promise;
  }
}

/** What the client puts before every key, after its options. */
export function clientPrefix(client: RedisClient): string {
  return client.options.keyPrefix ?? "";
}

/** Not by class: the application may have another copy of ioredis. */
export function isCluster(client: RedisClient): client is Cluster {
  return client.isCluster;
}

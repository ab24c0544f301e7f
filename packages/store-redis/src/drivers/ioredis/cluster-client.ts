import type { Cluster, Redis, RedisOptions } from "ioredis";
import { reasonOf } from "../../base/failures.ts";
import { retryPause } from "../../base/retry-pause.ts";
import type {
  Listener,
  ListenerEvents,
  OwnClient,
  OwnClientEvents,
  OwnClientSettings,
  Server,
  Slots,
} from "../driver.ts";
import { watchConnection, watchSilence } from "./connections.ts";
import { createListener } from "./listener.ts";
import { areOther, type Credentials, credentialsOf, ownClusterOptions, ownOptions } from "./own-options.ts";
import { commandClassOf, type CommandClass, type IoredisCommand } from "./sent-command.ts";

/** The store's own client of a Cluster. */
export class ClusterClient implements OwnClient {
  readonly isCluster: boolean = true;
  readonly #cluster: Cluster;
  /** The application's client, and its credentials when the store was created. */
  readonly #client: Cluster;
  readonly #credentials: Credentials;
  readonly #given: RedisOptions;
  readonly #handshakeMs: number;
  readonly #Command: CommandClass;
  /** The known nodes, by `host:port`. */
  readonly #nodes = new Map<string, Node>();

  /** `credentials`: those of the application's client when the store was created. */
  constructor(
    given: Cluster,
    credentials: Credentials,
    { handshakeMs, countFailure }: OwnClientSettings,
    events: OwnClientEvents,
  ) {
    const redisOptions: RedisOptions = given.options.redisOptions ?? {};
    this.#client = given;
    this.#credentials = credentials;
    this.#given = redisOptions;
    this.#handshakeMs = handshakeMs;
    const own = given.duplicate([], {
      ...ownClusterOptions(given.options),
      redisOptions: {
        ...redisOptions,
        ...ownOptions(redisOptions, handshakeMs),
        replyMapping: "legacy",
      },
      clusterRetryStrategy: () => retryPause(countFailure()),
    });
    this.#cluster = own;
    this.#Command = commandClassOf(own);
    own.on("+node", (redis: Redis) => {
      const node = new Node(redis, own);
      this.#nodes.set(node.name, node);
      this.#renewCredentials(node);
      watchConnection(redis, node.name, handshakeMs, events);
      events.nodeAdded();
    });
    own.on("-node", (redis: Redis) => {
      const name = nameOf(redis);
      if (this.#nodes.get(name)?.redis !== redis) return;
      this.#nodes.delete(name);
      events.slotsChanged();
      // The slots of the removed node may have a new primary.
      this.refresh();
    });
    own.on("refresh", events.slotsChanged);
    own.on("node error", (error: unknown) => events.failed(reasonOf(error)));
    // Without an error listener ioredis would write the error to the console.
    own.on("error", (error: unknown) => events.failed(reasonOf(error)));
    own.on("ready", events.ready);
    own.on("close", events.lost);
    own.on("end", events.ended);
  }

  get isReady(): boolean {
    return this.#cluster.status === "ready";
  }

  get servers(): readonly Server[] {
    return [...this.#nodes.values()].filter(({ isReplica }) => !isReplica);
  }

  get slots(): Slots {
    return this.#cluster.slots;
  }

  serverOf(name: string): Server | undefined {
    return this.#nodes.get(name);
  }

  connect(): void {
    if (this.#cluster.status === "wait") this.#cluster.connect().catch(() => undefined);
  }

  disconnect(): void {
    this.#cluster.disconnect();
  }

  restart(): void {
    this.refresh();
  }

  /** No Sentinel monitors a Cluster. */
  checkPrimary(): void {}

  refresh(): void {
    // The slot table is read from any of the nodes.
    if (this.#areCredentialsChanged()) for (const node of this.#nodes.values()) this.#renewCredentials(node);
    if (this.isReady) this.#cluster.refreshSlotsCache();
  }

  createCommand(name: string, args: string[]): IoredisCommand {
    return new this.#Command(name, args);
  }

  targetOf(command: IoredisCommand): Server | Error {
    const slot = command.getSlot();
    if (slot === null)
      return this.#anyPrimary() ?? new Error("the client has found no primary of the Cluster");
    const node = this.#nodes.get(this.#cluster.slots[slot]?.[0] ?? "");
    // ioredis would ask a random node, whose unanswered commands are not counted.
    if (node === undefined) {
      this.refresh();
      return new Error("the client has found no primary of the slot");
    }
    // According to the slot table this node is a replica. It would answer reads but may lag behind (I7).
    return node.isReplica ? new Error("the client has found no primary of the slot") : node;
  }

  createListener(events: ListenerEvents, at?: string): Listener | undefined {
    const nodes = [...this.#nodes.values()];
    const node = at === undefined ? nodes[Math.floor(Math.random() * nodes.length)] : this.#nodes.get(at);
    if (node !== undefined) return createListener(node.redis, this.#given, this.#handshakeMs, events);
    this.connect();
    return undefined;
  }

  /** The application may change its credentials at run time, on its own client. */
  #areCredentialsChanged(): boolean {
    return areOther(credentialsOf(this.#client.options.redisOptions ?? {}), this.#credentials);
  }

  /** A node may have credentials of its own, until the application changes those of all nodes. */
  #renewCredentials({ name, redis }: Node): void {
    const own = this.#areCredentialsChanged()
      ? undefined
      : this.#client.nodes().find((other) => nameOf(other) === name)?.options;
    const current = Object.entries(credentialsOf(own ?? this.#client.options.redisOptions ?? {}));
    Object.assign(redis.options, Object.fromEntries(current.filter(([, value]) => value !== undefined)));
  }

  /** A random primary, of those that accept a command if there are any. */
  #anyPrimary(): Server | undefined {
    const { servers } = this;
    const accepting = servers.filter(({ accepts }) => accepts);
    const some = accepting.length > 0 ? accepting : servers;
    return some[Math.floor(Math.random() * some.length)];
  }
}

class Node implements Server {
  readonly name: string;
  readonly redis: Redis;
  readonly #cluster: Cluster;

  constructor(redis: Redis, cluster: Cluster) {
    this.name = nameOf(redis);
    this.redis = redis;
    this.#cluster = cluster;
  }

  get isReplica(): boolean {
    return this.redis.options.readOnly === true;
  }

  /** ioredis connects to a node with the first command. */
  get accepts(): boolean {
    return this.redis.status === "ready" || this.redis.status === "wait";
  }

  get unanswered(): number {
    return this.redis.commandQueue.length;
  }

  send(command: IoredisCommand): void {
    // No node redirects a command without a key.
    if (command.getSlot() === null) this.redis.sendCommand(command);
    else command.sendThrough(this.#cluster);
  }

  probe(command: IoredisCommand): void {
    this.redis.sendCommand(command);
  }

  watchSilence(): () => void {
    return watchSilence(this.redis);
  }
}

function nameOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`;
}

import { Cluster, Redis } from "ioredis";
import { expect, onTestFinished } from "vitest";
import { type RedisSessionStore, type RedisStoreOptions, redisStore } from "@wsession/store-redis";
import { FakeHost, aCreation } from "./fake-host.ts";
import { until } from "./redis-server.ts";

/** What an application's process has of a store: its own client, the store, and what core would be. */
export interface Process {
  readonly client: Redis | Cluster;
  /** The store's own client for commands, as it was made first. */
  readonly commands: Redis | Cluster;
  readonly store: RedisSessionStore;
  readonly host: FakeHost;
}

type Address = { readonly host?: string; readonly port: number };

/** Connects as one more process; closed when the test ends. */
export function startProcess(
  connect: Address | (() => Redis | Cluster),
  options: Partial<RedisStoreOptions> = {},
): Process {
  const client =
    typeof connect === "function" ? connect() : new Redis(connect.port, connect.host ?? "127.0.0.1");
  client.on("error", () => undefined);
  const commands = ownClientOf(client);
  const store = redisStore({ client, ...options });
  const host = new FakeHost();
  store.attach(host);
  onTestFinished(async () => {
    await store.close();
    client.disconnect();
  });
  return {
    client,
    store,
    host,
    get commands() {
      return commands() ?? expect.fail("the store has made no client");
    },
  };
}

/**
 * Waits until a process is connected and subscribed. On a busy machine that takes longer than a call of a short `timeoutMs` has,
 * and a test of what comes later would fail by its first call.
 */
export async function connected({ store }: Pick<Process, "store">): Promise<void> {
  const { id } = aCreation();
  await until(async () => (await store.create(aCreation({ id, hold: true }))).type !== "full");
  await store.release(id);
}

/** Looks on as the store makes its own client, which comes before those for subscriptions. */
function ownClientOf(client: Redis | Cluster): () => Redis | Cluster | undefined {
  let own: Redis | Cluster | undefined;
  if (client instanceof Cluster) {
    const duplicate = client.duplicate.bind(client);
    client.duplicate = (...args) => (own = duplicate(...args));
  } else {
    const duplicate = client.duplicate.bind(client);
    client.duplicate = (options) => {
      const made = duplicate(options);
      own ??= made;
      return made;
    };
  }
  return () => own;
}

export function clusterOf(nodes: readonly Address[]): () => Cluster {
  return () => new Cluster(nodes.map(({ port }) => ({ host: "127.0.0.1", port })));
}

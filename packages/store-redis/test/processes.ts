import { Cluster, Redis } from "ioredis";
import { expect, onTestFinished } from "vitest";
import { type RedisSessionStore, type RedisStoreOptions, redisStore } from "@wsession/store-redis";
import { FakeHost, aCreation } from "./fake-host.ts";
import { until } from "./redis-server.ts";

/** One process of an application: its own client, its store, and a stand-in for core. */
export interface Process {
  readonly client: Redis | Cluster;
  /** The store's own client for commands, as it was first created. */
  readonly commands: Redis | Cluster;
  readonly store: RedisSessionStore;
  readonly host: FakeHost;
}

type Address = { readonly host?: string; readonly port: number };

/**
 * Longer than a process of a busy machine stalls. The default, two seconds, is not. Redis keeps records of ended sessions for ten times as long,
 * and for a minute at least: with more than six seconds that time would differ from the default.
 */
const PATIENT_MS = 6_000;

/** Starts another process, which is closed when the test ends. */
export function startProcess(
  connect: Address | (() => Redis | Cluster),
  options: Partial<RedisStoreOptions> = {},
): Process {
  const client =
    typeof connect === "function" ? connect() : new Redis(connect.port, connect.host ?? "127.0.0.1");
  client.on("error", () => undefined);
  const commands = ownClientOf(client);
  const store = redisStore({ client, timeoutMs: PATIENT_MS, ...options });
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
 * Waits until a process is connected and subscribed. On a busy machine that takes longer than one call with a
 * short `timeoutMs`, and the first call of a test would fail.
 */
export async function connected({ store }: Pick<Process, "store">): Promise<void> {
  const { id } = aCreation();
  await until(async () => (await store.create(aCreation({ id, hold: true }))).type !== "full");
  await store.release(id);
}

/**
 * Records the client that the store creates for commands, which it creates before those for subscriptions.
 */
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

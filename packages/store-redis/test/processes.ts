import { Cluster, Redis } from "ioredis";
import { onTestFinished } from "vitest";
import { type RedisSessionStore, type RedisStoreOptions, redisStore } from "@wsession/store-redis";
import { FakeHost } from "./fake-host.ts";

/** What an application's process has of a store: its own client, the store, and what core would be. */
export interface Process {
  readonly client: Redis | Cluster;
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
  const store = redisStore({ client, ...options });
  const host = new FakeHost();
  store.attach(host);
  onTestFinished(async () => {
    await store.close();
    client.disconnect();
  });
  return { client, store, host };
}

export function clusterOf(nodes: readonly Address[]): () => Cluster {
  return () => new Cluster(nodes.map(({ port }) => ({ host: "127.0.0.1", port })));
}

import { type RedisSessionStore, type RedisStoreOptions, redisStore } from "@wsession/store-redis";
import { aCreation, FakeHost } from "../../packages/store-redis/test/fake-host.ts";
import { until } from "../../packages/store-redis/test/redis-server.ts";
import { newPrefix } from "../stores.ts";
import type { Opened } from "./libraries.ts";
import type { Disposer } from "./topologies.ts";

export interface Started {
  readonly store: RedisSessionStore;
  readonly host: FakeHost;
  readonly opened: Opened;
}

/** A process of an application: its client, its store, and a stand-in for core. */
export function startStore(
  { onTestFinished }: Disposer,
  opened: Opened,
  options: Partial<RedisStoreOptions> = {},
): Started {
  const store = redisStore({ client: opened.client, prefix: newPrefix(), ...options });
  const host = new FakeHost();
  store.attach(host);
  onTestFinished(async () => {
    await store.close();
    opened.close();
  });
  return { store, host, opened };
}

/** Resolves once the store answers, and this process may register as a holder. */
export async function usable({ store }: Pick<Started, "store">, withinMs = 20_000): Promise<void> {
  await until(async () => (await store.create(aCreation({ hold: true }))).type === "created", withinMs);
}

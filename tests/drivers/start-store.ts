import { redisStore, type RedisSessionStore } from "@wsession/store-redis";
import type { TestContext } from "vitest";
import { FakeHost } from "../../packages/store-redis/test/fake-host.ts";
import { newPrefix } from "../stores.ts";
import type { Library, Opened } from "./libraries.ts";

export interface Started {
  readonly store: RedisSessionStore;
  readonly host: FakeHost;
  readonly opened: Opened;
}

/** A process of an application with this library: its client, its store, and a stand-in for core. */
export function startStore(
  { onTestFinished }: Pick<TestContext, "onTestFinished">,
  library: Library,
  port: number,
  timeoutMs: number,
  prefix: string = newPrefix(),
): Started {
  const opened = library.server({ host: "127.0.0.1", port });
  const store = redisStore({ client: opened.client, timeoutMs, prefix });
  const host = new FakeHost();
  store.attach(host);
  onTestFinished(async () => {
    await store.close();
    opened.close();
  });
  return { store, host, opened };
}

import { createSessions, isSessionError } from "@wsession/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedis } from "../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../packages/store-redis/test/redis-server.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import { openStore, storeNames } from "./stores.ts";

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis?.stop());

const codeOf = (error: unknown): unknown => (isSessionError(error) ? error.code : error);

/** What a program without types may pass for a name. */
const noNames: readonly unknown[] = [undefined, null, 0, 7, true, {}, [], ["ada"], Symbol("ada")];

/** Calls it as a program without types does. */
async function untyped(object: object, name: string, argument: unknown): Promise<unknown> {
  const method: unknown = Reflect.get(object, name);
  if (typeof method !== "function") throw new Error(`there is no ${name}`);
  return Reflect.apply(method, object, [argument]);
}

const combinations = runtimeNames.flatMap((runtime) => storeNames.map((store) => ({ runtime, store })));

describe.each(combinations)("$runtime on $store", ({ runtime, store }) => {
  test("fault A3: what is no subject and no id is INVALID_ARGUMENT, and destroys nobody", async () => {
    const sessions = createSessions({ store: openStore(store, redis.port), initial: () => ({ n: 0 }) });
    const server = await serve(runtime, sessions);
    const client = await connect(server);
    const [connection = expect.unreachable()] = sessions.connections;
    for (const name of ["destroySubject", "bySubject", "destroy", "get", "presence"])
      for (const argument of noNames)
        expect([name, argument, await untyped(sessions, name, argument).catch(codeOf)]).toEqual([
          name,
          argument,
          "INVALID_ARGUMENT",
        ]);
    for (const name of ["destroySubject", "bySubject"])
      expect(await untyped(sessions, name, "").catch(codeOf)).toBe("INVALID_ARGUMENT");
    for (const argument of [...noNames, ""])
      expect(await untyped(connection.session, "identify", argument).catch(codeOf)).toBe("INVALID_ARGUMENT");
    await client.roundTrip();
    expect(await sessions.get(connection.session.id)).toBeDefined();
  });
});

test.each(storeNames)("fault A3: %s refuses what is no subject by itself, too", async (store) => {
  const opened = openStore(store, redis.port);
  const host = { held: () => undefined, heldIds: () => [], notify: () => 0, onError: () => undefined };
  opened.attach(host);
  for (const name of ["destroySubject", "bySubject"])
    for (const argument of noNames)
      expect(await untyped(opened, name, argument).catch(codeOf)).toBe("INVALID_ARGUMENT");
  await opened.close();
});

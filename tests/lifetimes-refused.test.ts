import { accept, createSessions, isSessionError } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";
import { connect, serve } from "./runtimes.ts";
import { openStore } from "./stores.ts";

const redis = useRedisServer();
const DAY = 24 * 3_600_000;

interface Data {
  readonly n: number;
}

const codeOf = (error: unknown): unknown => (isSessionError(error) ? error.code : error);

test("a store without extend refuses lifetimes with NOT_SUPPORTED, and never ignores them", async () => {
  const reports: unknown[] = [];
  const store = Object.assign(openStore("map", redis.port), { extend: undefined });
  const sessions = createSessions<Data>({
    store,
    admit: () => accept({ idleMs: DAY }),
    initial: () => ({ n: 0 }),
    onError: (error) => reports.push(codeOf(error)),
  });
  onTestFinished(() => sessions.close());
  expect(await sessions.create({ n: 1 }, { idleMs: DAY }).catch(codeOf)).toBe("NOT_SUPPORTED");
  const { session } = await sessions.create({ n: 1 });
  await session.extend();
  expect(await session.extend({ expiresAt: Date.now() + DAY }).catch(codeOf)).toBe("NOT_SUPPORTED");
  const server = await serve("ws", sessions);
  await expect(connect(server)).rejects.toThrow("500");
  expect(reports).toEqual(["NOT_SUPPORTED"]);
});

test("a store that passes extend on, and drops the idle time of create, is refused too", async () => {
  const store = openStore("map", redis.port);
  const create = store.create.bind(store);
  store.create = (request) => create({ ...request, own: undefined });
  const sessions = createSessions<Data>({ store });
  onTestFinished(() => sessions.close());
  expect(await sessions.create({ n: 1 }, { idleMs: DAY }).catch(codeOf)).toBe("NOT_SUPPORTED");
});

import { delay, until, within } from "@wsession/conformance";
import type { Client } from "@wsession/conformance";
import { createSessions, isSessionError, queryToken } from "@wsession/core";
import type { Sessions } from "@wsession/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { newGap } from "./gaps.ts";
import type { Gap } from "./held.ts";
import { BEFORE, CLOSED, operations } from "./overtaken-operations.ts";
import type { Data, Operation, Overtaker, World } from "./overtaken-operations.ts";
import { takeovers } from "./overtaken-takeovers.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import type { RuntimeName } from "./runtimes.ts";
import { newPrefix, openStore, redisClient, storeNames } from "./stores.ts";
import type { StoreName } from "./stores.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";

const redis = useRedisServer();

/** Of sessions that expire in the gap. */
const SHORT_MS = 600;

async function prepare(operation: Operation, runtime: RuntimeName, name: StoreName, absoluteMs?: number) {
  const gap = newGap();
  const prefix = newPrefix();
  const own = openStore(name, redis.port, { prefix });
  const errors: unknown[] = [];
  const sessions = createSessions<Data>({
    store: operation.store?.(own, gap) ?? own,
    ...(name === "in-connection" ? {} : { token: queryToken() }),
    ...(absoluteMs === undefined ? {} : { absoluteMs }),
    onError: (error) => errors.push(error),
    ...operation.options?.(gap),
  });
  const server = await serve(runtime, sessions, operation.handlers?.(gap));
  const hasAnother = () =>
    [...sessions.connections].some(({ session }) => session !== undefined && session.id !== gap.name);
  const world: World = {
    sessions,
    async visit(path = "/") {
      let client: Client;
      try {
        client = await connect(server, path);
      } catch (error) {
        return String(error).replace(/.*answered with /, "");
      }
      const closed = client.closed.then(({ code }) => `closed ${code}`);
      return Promise.race([
        closed,
        until(() => gap.name !== undefined && hasAnother()).then(() => "another session"),
      ]);
    },
    async hers() {
      const { session } = await sessions.create({ n: BEFORE });
      const { token } = await session.identify("ada");
      return { id: session.id, token };
    },
  };
  /** As another process. */
  const elsewhere = () => {
    const other = createSessions<Data>({ store: openStore("redis", redis.port, { prefix }) });
    onTestFinished(() => other.close());
    return other;
  };
  const outboxes = async () => (name === "redis" ? redisClient(redis.port).keys(`${prefix}:o:*`) : []);
  return { world, gap, errors, elsewhere, outboxes };
}

/** Without the errors of the handler that waits for the overtaken operation. */
function unexpected(errors: readonly unknown[]): readonly unknown[] {
  const codes = ["REVOKED", "CONNECTION_CLOSED"] as const;
  return errors.filter((error) => !codes.some((code) => isSessionError(error, code)));
}

function outcomesOf({ outcomes = {} }: Operation, overtaker: Overtaker): readonly string[] {
  return outcomes[overtaker] ?? CLOSED[overtaker];
}

/** The result of a wait that ends before the first sweep of the store, after 15 s, which would hide a lost announcement. */
function soon<Value>(what: string, wait: Promise<Value>): Promise<Value> {
  return within(12_000, what, wait);
}

/** Resolves once the session's deadline is over. */
async function expired(sessions: Sessions<Data>, id: string): Promise<void> {
  while ((await sessions.get(id)) !== undefined) await delay(10);
}

/** Resolves with whether the operation has reached the gap. Otherwise the operation has ended without it. */
function isReached(gap: Gap, outcome: Promise<unknown>): Promise<boolean> {
  return Promise.race([gap.reached.then(() => true), outcome.then(() => false)]);
}

const overtake: Readonly<Record<Overtaker, (sessions: Sessions<Data>, id: string) => Promise<unknown>>> = {
  destroySubject: (sessions) => sessions.destroySubject("ada", "revoked"),
  destroy: (sessions, id) => sessions.destroy(id, "revoked"),
  expiry: expired,
};

describe.each(runtimeNames)("%s", (runtime) => {
  describe.each(storeNames)("%s", (store) => {
    const all = [...operations, ...takeovers("before"), ...takeovers("after")];
    const possible = all.filter(({ resumable }) => !(resumable && store === "in-connection"));
    const where = store === "redis" ? ["here", "elsewhere"] : ["here"];

    for (const operation of possible) {
      const { overtakers } = operation;
      test.each(overtakers.includes("destroySubject") ? where : [])(
        `fault A1: ${operation.name}: a destroySubject meanwhile, %s, leaves no session of the subject`,
        async (place) => {
          const { world, gap, elsewhere, errors, outboxes } = await prepare(operation, runtime, store);
          const { sessions } = world;
          const other = place === "here" ? sessions : elsewhere();
          const outcome = operation.begin?.(world) ?? world.visit();
          await gap.reached;
          await other.destroySubject("ada", "revoked");
          gap.letGo();
          expect(outcomesOf(operation, "destroySubject")).toContain(await soon("the outcome", outcome));
          for (const one of [other, sessions]) expect(await one.bySubject("ada")).toEqual([]);
          await soon(
            "the end of all connections",
            until(() => sessions.connections.size === 0),
          );
          expect(unexpected(errors)).toEqual([]);
          expect(await outboxes()).toEqual([]);
        },
      );

      for (const overtaker of overtakers.filter((one) => one !== "destroySubject"))
        test.each(where)(
          `fault A1: ${operation.name}: ${overtaker} of the session meanwhile, %s, leaves no session and no connection`,
          async (place) => {
            const absoluteMs = overtaker === "expiry" ? SHORT_MS : undefined;
            const { world, gap, elsewhere, errors, outboxes } = await prepare(
              operation,
              runtime,
              store,
              absoluteMs,
            );
            const { sessions } = world;
            const other = place === "here" ? sessions : elsewhere();
            const startedAt = performance.now();
            const outcome = operation.begin?.(world) ?? world.visit();
            if (!(await isReached(gap, outcome))) {
              // On a machine under load the session may expire before the operation reaches the gap.
              expect(performance.now() - startedAt).toBeGreaterThanOrEqual(absoluteMs ?? Infinity);
              expect(outcomesOf(operation, overtaker)).toContain(await outcome);
              return;
            }
            const [hers] = await other.bySubject("ada");
            const id = gap.name === "ada" ? hers?.id : gap.name;
            if (id === undefined) throw new Error("no session is in the gap");
            await overtake[overtaker](other, id);
            gap.letGo();
            expect(outcomesOf(operation, overtaker)).toContain(await soon("the outcome", outcome));
            for (const one of [other, sessions]) expect(await one.get(id)).toBeUndefined();
            await soon(
              "the end of the session's connections",
              until(() => [...sessions.connections].every(({ session }) => session?.id !== id)),
            );
            expect(unexpected(errors)).toEqual([]);
            // The list of an expired session expires too. Without the session no command reads the list.
            if (overtaker === "destroy") expect(await outboxes()).toEqual([]);
          },
        );

      test(`fault A1: ${operation.name}: close() meanwhile leaves no session that was not there before`, async () => {
        const { world, gap, elsewhere } = await prepare(operation, runtime, store);
        const outcome = operation.begin?.(world) ?? world.visit();
        await gap.reached;
        const closing = world.sessions.close();
        gap.letGo();
        expect(operation.closeOutcomes ?? ["503", "closed 1012"]).toContain(await outcome);
        await closing;
        // At most those sessions of ada are left whose token a client had.
        const left = store === "redis" ? (await elsewhere().bySubject("ada")).map(({ data }) => data.n) : [];
        expect(left.filter((n) => n !== BEFORE && !operation.keeps)).toEqual([]);
      });
    }
  });
});

import { until } from "@wsession/conformance";
import type { Client } from "@wsession/conformance";
import { accept, createSessions, isSessionError, queryToken } from "@wsession/core";
import type { Handlers, Sessions, SessionsOptions, SessionStore } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { describe, expect, onTestFinished, test } from "vitest";
import { Gap, withGap } from "./held.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import type { RuntimeName } from "./runtimes.ts";
import { newPrefix, openStore, redisClient, storeNames } from "./stores.ts";
import type { StoreName } from "./stores.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";

type Data = { readonly n: number };
type Handled = Handlers<Data>;

const redis = useRedisServer();

/** A way from a decision about ada to its effect, with a gap in it. */
interface Operation {
  readonly name: string;
  /** Where the store has to keep sessions beyond connections. */
  readonly resumable?: true;
  /** Its session stays: it was there before, or `close()` lets the handler finish that sets it. */
  readonly keeps?: true;
  readonly options?: (gap: Gap) => Partial<Pick<SessionsOptions<Data>, "admit" | "initial">>;
  readonly store?: (store: SessionStore, gap: Gap) => SessionStore;
  readonly handlers?: (gap: Gap) => Handled;
  /** What a destruction in the gap may come to for the client: 401 before the 101, or 4410 right after, unless given. */
  readonly outcomes?: readonly string[];
  /** Begins; resolves with what it came to for the client. Without it a client connects. */
  readonly begin?: (world: World) => Promise<string>;
}

interface World {
  readonly sessions: Sessions<Data>;
  /** A client that connects: `401`, or `closed 4410`. */
  visit(path?: string): Promise<string>;
  /** A session of ada's from before, and its token. */
  hers(): Promise<{ readonly id: string; readonly token: string }>;
}

/** Data of a session that was there before. */
const BEFORE = 5;

const asAda = () => accept({ subject: "ada" });
const setsSession = (gap: Gap): Handled => ({
  async open(connection) {
    await gap.wait();
    await connection.setSession({ n: 1 });
  },
});

const operations: readonly Operation[] = [
  {
    name: "admit, and initial that takes long",
    options: (gap) => ({
      admit: asAda,
      async initial() {
        await gap.wait();
        return { n: 1 };
      },
    }),
  },
  {
    name: "admit, a token that opens nothing, and initial that takes long",
    resumable: true,
    options: (gap) => ({
      admit: asAda,
      async initial() {
        await gap.wait();
        return { n: 1 };
      },
    }),
    begin: (world) => world.visit(`/?token=${"A".repeat(22)}.${"B".repeat(43)}`),
  },
  ...(["before", "after"] as const).flatMap((when): Operation[] => [
    {
      name: `create, ${when} it took effect`,
      resumable: true,
      options: () => ({ admit: asAda, initial: () => ({ n: 1 }) }),
      store: (store, gap) => withGap(store, "create", when, gap),
    },
    {
      name: `resume of her own session, ${when} it took effect`,
      resumable: true,
      options: () => ({ admit: asAda, initial: () => ({ n: 1 }) }),
      store: (store, gap) => withGap(store, "resume", when, gap),
      begin: async (world) => world.visit(`/?token=${(await world.hers()).token}`),
    },
    {
      name: `setSession, ${when} it took effect`,
      resumable: true,
      keeps: true,
      options: () => ({ admit: asAda }),
      store: (store, gap) => withGap(store, "create", when, gap),
      handlers: () => ({ open: async (connection) => void (await connection.setSession({ n: 1 })) }),
    },
    {
      name: `identify, ${when} it took effect`,
      resumable: true,
      keeps: true,
      options: () => ({ initial: () => ({ n: 1 }) }),
      store: (store, gap) => withGap(store, "rotate", when, gap),
      // A login that is refused leaves the session nobody's: it is the handler that fails.
      outcomes: ["closed 1011", "closed 4410"],
      handlers: () => ({
        async open(connection) {
          await connection.session?.identify("ada");
        },
      }),
    },
  ]),
  ...(["before", "after"] as const).map((when): Operation => {
    let sessionId: string | undefined;
    return {
      name: `accept of a session that is nobody's yet, ${when} it took effect`,
      resumable: true,
      keeps: true,
      options: () => ({ admit: () => accept({ subject: "ada", sessionId }), initial: () => ({ n: 1 }) }),
      store: (store, gap) => withGap(store, "rotate", when, gap),
      async begin(world) {
        sessionId = (await world.sessions.create({ n: BEFORE })).session.id;
        return world.visit();
      },
    };
  }),
  {
    name: "setSession, long after admit",
    keeps: true,
    options: () => ({ admit: asAda }),
    handlers: setsSession,
  },
];

async function prepare(operation: Operation, runtime: RuntimeName, name: StoreName) {
  const gap = new Gap();
  onTestFinished(() => gap.letGo());
  const prefix = newPrefix();
  const own = openStore(name, redis.port, { prefix });
  const errors: unknown[] = [];
  const sessions = createSessions<Data>({
    store: operation.store?.(own, gap) ?? own,
    ...(name === "in-connection" ? {} : { token: queryToken() }),
    onError: (error) => errors.push(error),
    ...operation.options?.(gap),
  });
  const server = await serve(runtime, sessions, operation.handlers?.(gap));
  const world: World = {
    sessions,
    async visit(path = "/") {
      let client: Client;
      try {
        client = await connect(server, path);
      } catch (error) {
        return String(error).replace(/.*answered with /, "");
      }
      return `closed ${(await client.closed).code}`;
    },
    async hers() {
      const { session } = await sessions.create({ n: BEFORE });
      const { token } = await session.identify("ada");
      return { id: session.id, token };
    },
  };
  /** As another process. */
  const elsewhere = () => {
    const other = createSessions<Data>({ store: redisStore({ client: redisClient(redis.port), prefix }) });
    onTestFinished(() => other.close());
    return other;
  };
  return { world, gap, errors, elsewhere };
}

describe.each(runtimeNames)("%s", (runtime) => {
  describe.each(storeNames)("%s", (store) => {
    const possible = operations.filter(({ resumable }) => !(resumable && store === "in-connection"));
    const where = store === "redis" ? ["here", "elsewhere"] : ["here"];

    for (const operation of possible) {
      test.each(where)(
        `fault A1: ${operation.name}: a destroySubject in the gap, %s, leaves nothing of hers`,
        async (place) => {
          const { world, gap, elsewhere, errors } = await prepare(operation, runtime, store);
          const { sessions } = world;
          const other = place === "here" ? sessions : elsewhere();
          const outcome = operation.begin?.(world) ?? world.visit();
          await gap.reached;
          await other.destroySubject("ada", "revoked");
          gap.letGo();
          expect(operation.outcomes ?? ["401", "closed 4410"]).toContain(await outcome);
          for (const one of [other, sessions]) expect(await one.bySubject("ada")).toEqual([]);
          await until(() => sessions.connections.size === 0);
          // What came to nothing is no error, but for the handler that waits for it.
          expect(
            errors.filter(
              (error) => !isSessionError(error, "REVOKED") && !isSessionError(error, "CONNECTION_CLOSED"),
            ),
          ).toEqual([]);
        },
      );

      test(`fault A1: ${operation.name}: close() in the gap leaves nothing behind`, async () => {
        const { world, gap, elsewhere } = await prepare(operation, runtime, store);
        const outcome = operation.begin?.(world) ?? world.visit();
        await gap.reached;
        const closing = world.sessions.close();
        gap.letGo();
        expect(await outcome).toMatch(/^(503|closed 1012)$/);
        await closing;
        // Of hers there is at most what a client had the token of.
        const left = store === "redis" ? (await elsewhere().bySubject("ada")).map(({ data }) => data.n) : [];
        expect(left.filter((n) => n !== BEFORE && !operation.keeps)).toEqual([]);
      });
    }
  });
});

// `npm run test:drivers`: the rights of docs/operations.md suffice for each client library.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aCreation, aResume } from "../../packages/store-redis/test/fake-host.ts";
import { type RedisServer, startCluster, startRedis } from "../../packages/store-redis/test/redis-server.ts";
import { documentedUser as user, refusedBy, restrict } from "../acl-rules.ts";
import { changes, Target } from "./changes.ts";
import { libraries, type Library, type Opened } from "./libraries.ts";
import { startStore, usable } from "./start-store.ts";

let server: RedisServer | undefined;
let nodes: readonly RedisServer[] = [];
let stopCluster: (() => Promise<void>) | undefined;

beforeAll(async () => {
  const [one, cluster] = await Promise.all([startRedis(), startCluster()]);
  server = one;
  ({ nodes, stop: stopCluster } = cluster);
  await Promise.all([one, ...nodes].map(restrict));
});

afterAll(async () => {
  await Promise.all([server?.stop(), stopCluster?.()]);
});

const topologies = [
  {
    topology: "one server",
    // Prefixes have the form that the rules permit to the tests.
    open: (library: Library): Opened => library.server(server ?? expect.fail("it is started"), user),
    servers: () => (server === undefined ? [] : [server]),
  },
  {
    topology: "a Cluster",
    open: (library: Library): Opened => library.cluster(nodes, { user }),
    servers: () => nodes,
  },
];

const cases = libraries.flatMap((library) =>
  topologies.map((topology) => ({ name: library.name, library, ...topology })),
);

describe.each(cases)("$name on $topology", ({ library, open, servers }) => {
  test("the server refuses none of the store's commands", async (context) => {
    const started = startStore(context, open(library), { timeoutMs: 20_000 });
    const { store } = started;
    await usable(started);
    for (const { prepare, make } of changes) {
      const target = new Target();
      await prepare(store, target);
      await make(store, target);
    }
    const { id } = aCreation();
    await store.create(aCreation({ id, subject: "ada" }));
    await store.resume(aResume(id, { hold: true }));
    expect(await store.bySubject("ada")).toEqual([id]);
    expect(await store.presence(id)).toBeDefined();
    const found: string[] = [];
    for await (const listed of store.ids()) found.push(listed);
    expect(found).toContain(id);
    expect(await store.health(20_000)).toMatchObject({ ok: true });
    expect(started.host.errors).toEqual([]);
    expect(await refusedBy(servers())).toEqual([]);
  });
});

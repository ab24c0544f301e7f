// The connections of node-redis with TLS. The driver of ioredis has such tests in packages/store-redis/test/tls.test.ts.
import { createClient as createClient6 } from "redis";
import { createClient as createClient5 } from "redis-5";
import { createClient as createClient50 } from "redis-5.0";
import { expect, onTestFinished, test } from "vitest";
import { redisStore } from "@wsession/store-redis";
import { FakeHost } from "../packages/store-redis/test/fake-host.ts";
import { until } from "../packages/store-redis/test/redis-server.ts";
import { HOST, openSockets, recordUncaught, useTlsServer } from "../packages/store-redis/test/tls-server.ts";

const server = useTlsServer();

interface Tls {
  readonly host: string;
  readonly port: number;
  readonly tls: true;
  readonly ca?: string;
}

const libraries = [
  ["node-redis 6", (socket: Tls) => createClient6({ socket }).on("error", () => undefined)],
  ["node-redis 5", (socket: Tls) => createClient5({ socket }).on("error", () => undefined)],
  ["node-redis 5.0", (socket: Tls) => createClient50({ socket }).on("error", () => undefined)],
] as const;
const cases = libraries.flatMap(([name, create]) => [
  [name, "trusted", create] as const,
  [name, "untrusted", create] as const,
]);

test.for(cases)(
  "%s, %s certificate: close() in the middle of a TLS handshake leaves no connection, and throws nothing",
  async ([, trust, create]) => {
    const ca = trust === "trusted" ? { ca: server.certificate } : {};
    const client = create({ host: HOST, port: await server.listen(), tls: true, ...ca });
    const thrown = recordUncaught();
    const before = openSockets();
    const store = redisStore({ client, node: "web-1", timeoutMs: 100 });
    // The kernel accepts the connections, and their handshakes wait.
    server.redis.pause();
    onTestFinished(() => server.redis.continue());
    store.attach(new FakeHost());
    // One for commands, and one for the subscription.
    await until(() => openSockets() >= before + 2);
    await store.close();
    server.redis.continue();
    await until(() => openSockets() <= before);
    expect(thrown).toEqual([]);
  },
);

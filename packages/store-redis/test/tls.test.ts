/** Connections with TLS. The certificate of the server has no authority that this process accepts. */
import { setTimeout } from "node:timers/promises";
import { Cluster, Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { redisStore } from "@wsession/store-redis";
import { FakeHost } from "./fake-host.ts";
import { until } from "./redis-server.ts";
import { HOST, openSockets as sockets, recordUncaught, useTlsServer } from "./tls-server.ts";

const server = useTlsServer();

/** After this time the store's client gives a Sentinel up whose handshake waits. */
const SENTINEL_MS = 500;

const clients = [
  [
    "a Sentinel",
    (port: number) =>
      new Redis({ sentinels: [{ host: HOST, port }], name: "m", lazyConnect: true, sentinelTLS: {} }),
  ],
  ["one server", (port: number) => new Redis(port, HOST, { lazyConnect: true, tls: {} })],
  [
    "a Cluster",
    // ioredis gives the slot table up while the handshake waits.
    (port: number) =>
      new Cluster([{ host: HOST, port }], {
        lazyConnect: true,
        redisOptions: { tls: {} },
        slotsRefreshTimeout: 50,
      }),
  ],
] as const;

// Redis answers the end of an unfinished handshake with an alert. So the stream has two errors, that of the certificate and the alert,
// and ioredis listens to the first one only. An error without a listener ends the process (issue 13, kind F).
test.for(clients)("close() in the middle of a TLS handshake with %s throws nothing", async ([, connect]) => {
  const client = connect(await server.listen());
  const thrown = recordUncaught();
  const before = sockets();
  const store = redisStore({ client, node: "web-1", timeoutMs: 100 });
  // The kernel accepts the connection, and the handshake waits.
  server.redis.pause();
  onTestFinished(() => server.redis.continue());
  store.attach(new FakeHost());
  await until(() => sockets() > before);
  await store.close();
  if (client instanceof Redis && client.options.sentinels) await setTimeout(SENTINEL_MS + 100);
  server.redis.continue();
  await until(() => sockets() === before);
  expect(thrown).toEqual([]);
  client.disconnect();
});

/** Connections with TLS. The certificate of the server has no authority that this process trusts. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { redisStore } from "@wsession/store-redis";
import { FakeHost } from "./fake-host.ts";
import { cli, type RedisServer, startRedis, until } from "./redis-server.ts";

const HOST = "127.0.0.1";
let folder: string;
let redis: RedisServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wsession-tls-"));
  const [key, certificate] = [join(folder, "key"), join(folder, "certificate")];
  const algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const files = ["-keyout", key, "-out", certificate, "-subj", "/CN=redis"];
  await promisify(execFile)("openssl", ["req", "-x509", ...algorithm, "-days", "2", ...files]);
  const names = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate];
  redis = await startRedis([...names, "--tls-auth-clients", "no", "--tls-replication", "no"]);
});

afterAll(async () => {
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Turns TLS on, and resolves with its port. Redis refuses a port that another process has. */
async function listenWithTls(): Promise<number> {
  for (let attempt = 1; attempt <= 20; attempt += 1) {
    const port = 22_000 + Math.floor(Math.random() * 8_000);
    if ((await cli(redis.port, "config", "set", "tls-port", String(port))) === "OK") return port;
  }
  throw new Error("no port for TLS");
}

/** The number of sockets that this process has open. */
const sockets = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === "TCPSocketWrap").length;

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
  const client = connect(await listenWithTls());
  const thrown: unknown[] = [];
  const record = (error: unknown) => thrown.push(error);
  process.on("uncaughtException", record);
  onTestFinished(() => void process.off("uncaughtException", record));
  const before = sockets();
  const store = redisStore({ client, node: "web-1", timeoutMs: 100 });
  // The kernel accepts the connection, and the handshake waits.
  redis.pause();
  onTestFinished(() => redis.continue());
  store.attach(new FakeHost());
  await until(() => sockets() > before);
  await store.close();
  if (client instanceof Redis && client.options.sentinels) await setTimeout(SENTINEL_MS + 100);
  redis.continue();
  await until(() => sockets() === before);
  expect(thrown).toEqual([]);
  client.disconnect();
});

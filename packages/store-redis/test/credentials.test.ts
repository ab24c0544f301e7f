import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Cluster, Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { aCreation } from "./fake-host.ts";
import { type Process, startProcess } from "./processes.ts";
import { cli, type RedisServer, startCluster, startLoneSentinel, until } from "./redis-server.ts";
import { aServer } from "./shared-servers.ts";
import { HOST, openTlsPort } from "./tls-server.ts";

const USER = "application";
const ON_EVERY_KEY = ["~*", "&*", "+@all"];
const TIMING = { timeoutMs: 2_000 };

const setPassword = ({ port }: RedisServer, password: string): Promise<string> =>
  cli(port, "acl", "setuser", USER, "on", "resetpass", `>${password}`, ...ON_EVERY_KEY);

async function canCreate({ store }: Process, subject?: string): Promise<boolean> {
  await until(async () => (await store.create(aCreation({ hold: true, subject }))).type === "created");
  return true;
}

/** Resolves once the store can't use the server any more. */
const cannotCreate = ({ store }: Process): Promise<void> =>
  until(() =>
    store.create(aCreation()).then(
      () => false,
      () => true,
    ),
  );

test("fault B: on a Cluster, the next connections use a password that the application has changed at run time", async () => {
  const cluster = await startCluster();
  onTestFinished(() => cluster.stop());
  await Promise.all(cluster.nodes.map((node) => setPassword(node, "first")));
  const redisOptions = { username: USER, password: "first" };
  const client = new Cluster(
    cluster.nodes.map(({ port }) => ({ host: HOST, port })),
    { redisOptions },
  );
  const started = startProcess(() => client, TIMING);
  await canCreate(started);
  for (const node of cluster.nodes) {
    await setPassword(node, "second");
    await cli(node.port, "client", "kill", "user", USER);
  }
  await cannotCreate(started);
  client.options.redisOptions = { ...redisOptions, password: "second" };
  // The index of a subject and its session may be on different servers.
  for (let subject = 1; subject <= 20; subject += 1)
    expect(await canCreate(started, String(subject))).toBe(true);
}, 90_000);

test("fault B: the next connection uses an authority that the application has changed at run time", async () => {
  const server = await aServer();
  const folder = await mkdtemp(join(tmpdir(), "wsession-tls-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const key = join(folder, "key");
  await promisify(execFile)("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key]);
  const [first, second] = [await certificate(key, "first"), await certificate(key, "second")];
  await cli(server.port, "config", "set", "tls-auth-clients", "no");
  await cli(server.port, "config", "set", "tls-key-file", key);
  await cli(server.port, "config", "set", "tls-cert-file", first.file);
  const port = await openTlsPort(server.port);
  const client = new Redis(port, HOST, { tls: { ca: first.text } });
  const started = startProcess(() => client, TIMING);
  await canCreate(started);
  await cli(server.port, "config", "set", "tls-cert-file", second.file);
  await cli(server.port, "client", "kill", "type", "normal");
  await cli(server.port, "client", "kill", "type", "pubsub");
  await cannotCreate(started);
  client.options.tls = { ca: second.text };
  expect(await canCreate(started)).toBe(true);
});

test("fault B: the next connection asks Sentinel with a password that the application has changed at run time", async () => {
  const server = await aServer();
  const sentinel = await startLoneSentinel(server);
  onTestFinished(() => sentinel.stop());
  await cli(sentinel.port, "acl", "setuser", "default", "resetpass", ">first");
  const client = new Redis({
    sentinels: [sentinel],
    name: "wsession",
    sentinelPassword: "first",
    sentinelRetryStrategy: () => 100,
  });
  const started = startProcess(() => client, TIMING);
  await canCreate(started);
  await cli(
    sentinel.port,
    "-a",
    "first",
    "--no-auth-warning",
    "acl",
    "setuser",
    "default",
    "resetpass",
    ">second",
  );
  await cli(server.port, "client", "kill", "type", "normal");
  await cli(server.port, "client", "kill", "type", "pubsub");
  await cannotCreate(started);
  client.options.sentinelPassword = "second";
  expect(await canCreate(started)).toBe(true);
});

/** A certificate of a key, which has no authority but itself. */
async function certificate(
  key: string,
  name: string,
): Promise<{ readonly file: string; readonly text: string }> {
  const file = `${key}-${name}`;
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=IP:${HOST}`];
  await promisify(execFile)("openssl", ["req", "-x509", "-key", key, "-days", "2", "-out", file, ...subject]);
  return { file, text: await readFile(file, "utf8") };
}

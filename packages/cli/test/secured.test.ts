/** Servers that ask for TLS or for passwords. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { aCreation, FakeHost } from "../../store-redis/test/fake-host.ts";
import { cli, type RedisServer, startLoneSentinel, startRedis } from "../../store-redis/test/redis-server.ts";
import { openTlsPort } from "../../store-redis/test/tls-server.ts";
import { start, wsession } from "./program.ts";

const openssl = async (...args: readonly string[]) => promisify(execFile)("openssl", args);
const HOST = "127.0.0.1";
let folder: string;
let redis: RedisServer;

/** An authority of its own, and a certificate of that authority for 127.0.0.1. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wsession-tls-"));
  const inFolder = (name: string) => join(folder, name);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = ["-keyout", inFolder("ca.key"), "-out", inFolder("ca.crt"), "-subj", "/CN=authority"];
  await openssl("req", "-x509", ...newKey, "-days", "2", ...authority);
  const requested = ["-keyout", inFolder("redis.key"), "-out", inFolder("redis.csr"), "-subj", "/CN=redis"];
  await openssl("req", ...newKey, ...requested);
  await writeFile(inFolder("names"), `subjectAltName=IP:${HOST}\n`);
  const signed = ["-CA", inFolder("ca.crt"), "-CAkey", inFolder("ca.key"), "-CAcreateserial"];
  const request = [
    "-in",
    inFolder("redis.csr"),
    "-out",
    inFolder("redis.crt"),
    "-extfile",
    inFolder("names"),
  ];
  await openssl("x509", "-req", "-days", "2", ...signed, ...request);
  redis = await startRedis([
    "--tls-cert-file",
    inFolder("redis.crt"),
    "--tls-key-file",
    inFolder("redis.key"),
    "--tls-ca-cert-file",
    inFolder("ca.crt"),
    "--tls-auth-clients",
    "no",
  ]);
});

afterAll(async () => {
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A session in this server. */
async function seed(port: number, password?: string): Promise<string> {
  const client = new Redis(port, HOST, password === undefined ? {} : { password });
  const store = redisStore({ client, node: "web-1", timeoutMs: 10_000 });
  store.attach(new FakeHost());
  const creation = aCreation({ subject: "ada" });
  await store.create(creation);
  onTestFinished(async () => {
    await store.close();
    client.disconnect();
  });
  return creation.id;
}

test("rediss:// reads sessions over TLS if the authority is trusted, and says what is wrong if it is not", async () => {
  const id = await seed(redis.port);
  const port = await openTlsPort(redis.port);
  const args = ["show", id, "--json", "--timeout", "10s", "--redis", `rediss://${HOST}:${port}`];
  const running = start(args, { NODE_EXTRA_CA_CERTS: join(folder, "ca.crt") });
  // This process has no certificate authority of its own. A short time limit may pass before TLS has answered.
  const shortly = ["show", id, "--json", "--timeout", "300ms", "--redis"];
  await expect
    .poll(async () => (await wsession([...shortly, `rediss://${HOST}:${port}`])).stderr, { timeout: 20_000 })
    .toMatch(/^wsession: .*(certificate|self-signed).*\n$/);
  // A client without TLS gets no answer from this port.
  const plain = await wsession([...shortly, `redis://${HOST}:${port}`]);
  expect(plain.code).toBe(1);
  expect(plain.stderr).toMatch(/^wsession: .+\n$/);
  const trusted = await running.ended;
  expect(trusted).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(trusted.stdout)).toMatchObject({ id, subject: "ada" });
});

test("Sentinels and their primary may have passwords, and the error about a wrong or a missing password shows no password", async () => {
  const primary = await startRedis();
  onTestFinished(() => primary.stop());
  const sentinel = await startLoneSentinel(primary);
  onTestFinished(() => sentinel.stop());
  await cli(sentinel.port, "sentinel", "set", "wsession", "auth-pass", "primary-word");
  await cli(primary.port, "config", "set", "requirepass", "primary-word");
  await cli(sentinel.port, "acl", "setuser", "default", "resetpass", ">sentinel-word");
  const id = await seed(primary.port, "primary-word");
  const args = ["show", id, "--json", "--sentinel", "wsession"];
  const at = (password: string, timeout = "10s") => [
    ...args,
    "--timeout",
    timeout,
    "--redis",
    `redis://:${password}@${HOST}:${sentinel.port}`,
  ];
  const fine = await wsession(at("primary-word"), { REDIS_SENTINEL_PASSWORD: "sentinel-word" });
  expect(fine).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(fine.stdout)).toMatchObject({ id, subject: "ada" });
  const refused = await Promise.all([
    wsession(at("primary-word", "300ms")),
    wsession(at("primary-word", "300ms"), { REDIS_SENTINEL_PASSWORD: "wrong-word" }),
    wsession(at("wrong-word", "300ms"), { REDIS_SENTINEL_PASSWORD: "sentinel-word" }),
  ]);
  for (const { code, stdout, stderr } of refused) {
    expect(code).toBe(1);
    expect(stderr).toMatch(/^wsession: .+\n$/);
    expect(stdout + stderr).not.toMatch(/primary-word|sentinel-word|wrong-word/);
  }
});

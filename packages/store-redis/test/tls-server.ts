// A Redis server with TLS, whose certificate has no authority but itself.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { freePort } from "../../../scripts/free-port.mjs";
import { cli, type RedisServer, startRedis } from "./redis-server.ts";

export const HOST = "127.0.0.1";

export interface TlsServer {
  readonly redis: RedisServer;
  /** A client that has this certificate as its authority accepts the server. */
  readonly certificate: string;
  /** Turns TLS on, and resolves with its port. */
  listen(): Promise<number>;
}

/** One server for the tests of a file. Its properties can be read once the tests run. */
export function useTlsServer(): TlsServer {
  let started:
    | { readonly redis: RedisServer; readonly folder: string; readonly certificate: string }
    | undefined;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "wsession-tls-"));
    const [key, file] = [join(folder, "key"), join(folder, "certificate")];
    const algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const subject = ["-subj", "/CN=redis", "-addext", `subjectAltName=IP:${HOST}`];
    const request = ["-keyout", key, "-out", file, ...subject];
    await promisify(execFile)("openssl", ["req", "-x509", ...algorithm, "-days", "2", ...request]);
    const files = ["--tls-cert-file", file, "--tls-key-file", key, "--tls-ca-cert-file", file];
    const redis = await startRedis([...files, "--tls-auth-clients", "no", "--tls-replication", "no"]);
    started = { redis, folder, certificate: await readFile(file, "utf8") };
  });
  afterAll(async () => {
    await started?.redis.stop();
    if (started !== undefined) await rm(started.folder, { recursive: true, force: true });
  });
  const server = () => {
    if (started === undefined) throw new Error("the Redis server is started before the first test");
    return started;
  };
  return {
    get redis() {
      return server().redis;
    },
    get certificate() {
      return server().certificate;
    },
    listen: () => openTlsPort(server().redis.port),
  };
}

/** Turns TLS on at a server that has a certificate, and resolves with its port. */
export async function openTlsPort(plainPort: number): Promise<number> {
  // Redis refuses a port that another process has.
  for (let attempt = 1; attempt <= 20; attempt += 1) {
    const port = String(await freePort());
    if ((await cli(plainPort, "config", "set", "tls-port", port)) === "OK") return Number(port);
  }
  throw new Error("no port for TLS");
}

/** The errors that nothing catches until the test ends. */
export function recordUncaught(): readonly unknown[] {
  const thrown: unknown[] = [];
  const record = (error: unknown) => thrown.push(error);
  process.on("uncaughtException", record);
  onTestFinished(() => void process.off("uncaughtException", record));
  return thrown;
}

/** The number of sockets that this process has open. */
export const openSockets = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === "TCPSocketWrap").length;

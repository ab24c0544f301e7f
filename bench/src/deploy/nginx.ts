import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../scripts/free-port.mjs";
import { endAtExit } from "../kit/left-behind.ts";

export interface Balancer {
  /** The address of the next attempt to connect. */
  readonly url: () => string;
  stop(): Promise<void>;
}

const SITE = join(import.meta.dirname, "..", "..", "..", "examples", "deploy", "nginx.conf");
const BINARY = process.env["WSESSION_NGINX"] ?? "/usr/sbin/nginx";
const STARTED_IN_MS = 10_000;

/** Starts nginx with the configuration of examples/deploy in front of these ports. */
export async function startNginx(ports: readonly number[]): Promise<Balancer> {
  const folder = await mkdtemp(join(tmpdir(), "wsession-nginx-"));
  const port = await freePort();
  let site = (await readFile(SITE, "utf8")).replace("127.0.0.1:8080", `127.0.0.1:${port}`);
  for (const [index, own] of ports.entries())
    site = site.replace(`127.0.0.1:808${index + 1}`, `127.0.0.1:${own}`);
  await writeFile(join(folder, "site.conf"), site);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const main = `daemon off; pid ${folder}/pid; worker_processes 1; worker_rlimit_nofile 20000;
events { worker_connections 9000; }
http { access_log off; ${temporary.join(" ")} include ${folder}/site.conf; }`;
  await writeFile(join(folder, "nginx.conf"), main);
  const child = spawn(BINARY, ["-e", join(folder, "error.log"), "-c", join(folder, "nginx.conf")], {
    stdio: "ignore",
  });
  // SIGKILL would leave the workers.
  const forget = endAtExit({ child, signal: "SIGTERM", folder });
  const gone = once(child, "exit");
  gone.catch(() => undefined);
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await gone.catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
    forget();
  };
  const deadline = performance.now() + STARTED_IN_MS;
  while (!(await listens(port))) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error("nginx did not start");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { url: () => `ws://127.0.0.1:${port}/`, stop };
}

/** Stands in for nginx: each attempt goes to the next process that is not being restarted. Nginx does so when a process answers 503. */
export function inTurn(ports: readonly number[], stopping: ReadonlySet<number>): Balancer {
  let turn = 0;
  const url = (): string => {
    const serving = ports.filter((port) => !stopping.has(port));
    return `ws://127.0.0.1:${serving[(turn += 1) % serving.length] ?? 0}/`;
  };
  return { url, stop: () => Promise.resolve() };
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const found = await new Promise<boolean>((resolve) => {
    socket.on("connect", () => resolve(true));
    socket.on("error", () => resolve(false));
  });
  socket.destroy();
  return found;
}

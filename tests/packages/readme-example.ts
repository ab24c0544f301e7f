/** The README's first example: extracted from the page, and run as it is. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { userEnvironment } from "./commands.ts";
import { repository } from "./tarballs.ts";

const readme = join(repository, "README.md");

/** The example, which is TypeScript and JavaScript. Throws when the README holds none. */
export async function readmeExample(): Promise<string> {
  const [, example] = /^```ts\r?\n(.*?)^```/ms.exec(await readFile(readme, "utf8")) ?? [];
  if (example === undefined) throw new Error("README.md holds no ```ts block; its first one is the example.");
  return example;
}

/** Runs before the example and reports the port of every server that it opens. */
const reporter = `
import { Server } from "node:net";
const { listen } = Server.prototype;
Server.prototype.listen = function (...args) {
  this.once("listening", () => process.send({ port: this.address().port }));
  return listen.apply(this, args);
};
`;

export interface RunningExample {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts the compiled example in a process of its own; resolves once it listens. */
export async function startExample(folder: string, file: string): Promise<RunningExample> {
  await writeFile(join(folder, "reporter.js"), reporter);
  const child = fork(join(folder, file), {
    cwd: folder,
    env: userEnvironment(),
    execArgv: ["--import", "./reporter.js"],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => (printed += text));
  }
  const died = once(child, "exit").then(([code]) => {
    throw new Error(`The example ended with ${String(code)} before it listened:\n${printed}`);
  });
  const listening = once(child, "message").then(([message]) => (message as { port: number }).port);
  const port = await Promise.race([listening, died]);
  died.catch(() => {});
  return { port, stop: async () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

/** Replaces the README's port by a free one, because the port may be in use. Changes nothing else. */
export function withAnyPort(javascript: string): string {
  const changed = javascript.replace(/\bport: 8080\b/, "port: 0");
  if (changed === javascript) throw new Error("The README's example no longer says `port: 8080`.");
  return changed;
}

// The built command, as a process and within this one.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { run } from "../dist/run.js";

export const main = join(import.meta.dirname, "../dist/main.js");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<Ended>;
}

/** Starts `wsession` with these arguments. It ends with the test. */
export function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  return watched(spawn(process.execPath, [main, ...args], { env: { PATH: process.env["PATH"], ...env } }));
}

/** Runs the built command with these arguments inside this process, which saves the start of Node.js. */
export async function wsession(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  const code = await run(args, {
    env,
    signal: new AbortController().signal,
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  });
  return { code, stdout, stderr };
}

/** Runs `wsession` on a terminal, types `input` when it asks, and resolves with all that the terminal showed. */
export async function onTerminal(
  args: readonly string[],
  input: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const command = [process.execPath, main, ...args].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    env: { PATH: process.env["PATH"], TERM: "xterm-256color", ...env },
  });
  const running = watched(child);
  child.stdout.on("data", () => {
    if (running.output.stdout.includes("[y/N]")) child.stdin.end(input);
  });
  return running.ended;
}

function watched(child: ReturnType<typeof spawn>): Running {
  const output = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...output }));
  onTestFinished(() => void child.kill("SIGKILL"));
  return { child, output, ended };
}

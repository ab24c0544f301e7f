/** Starts the demo as its user does, and ends it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";

const FOLDER = join(import.meta.dirname, "..");
export const NODE: readonly [string, string] = [process.execPath, join(FOLDER, "dist", "main.js")];
export const NPM: readonly string[] = ["npm", "run", "--silent", "start", "--"];
const STARTED_IN_MS = 60_000;

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

export interface RunningDemo {
  readonly url: string;
  readonly pid: number;
  /** All that it said so far. */
  readonly output: () => string;
  /** Resolves when it has said `text`. */
  said(text: string): Promise<void>;
  /** Ends it by a signal. */
  end(signal?: NodeJS.Signals): Promise<Ending>;
}

function launch(command: readonly string[], args: readonly string[]) {
  const [program = "", ...first] = command;
  const child = spawn(program, [...first, ...args], { cwd: FOLDER, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      for (const listener of [...listeners]) listener();
    });
  }
  const ended = once(child, "close").then(([code, signal]): Ending => ({ code, signal, output }));
  void ended.then(() => {
    for (const listener of [...listeners]) listener();
  });

  /** Resolves with what `find` finds in the output; rejects when the demo ends, or is late. */
  function waitFor<Found>(find: () => Found | undefined, what: string): Promise<Found> {
    return new Promise((resolve, reject) => {
      const settle = (end: () => void): void => {
        clearTimeout(late);
        listeners.delete(look);
        end();
      };
      const look = (): void => {
        const found = find();
        if (found !== undefined) settle(() => resolve(found));
        else if (child.exitCode !== null || child.signalCode !== null) {
          settle(() => reject(new Error(`the demo ended before ${what}:\n${output}`)));
        }
      };
      const late = setTimeout(
        () => settle(() => reject(new Error(`${what} did not come:\n${output}`))),
        STARTED_IN_MS,
      );
      listeners.add(look);
      look();
    });
  }
  return { child, ended, waitFor, output: () => output };
}

/** On free ports. */
export async function startDemo(
  args: readonly string[] = [],
  command: readonly string[] = NODE,
): Promise<RunningDemo> {
  const { child, ended, waitFor, output } = launch(command, ["--port", "0", ...args]);
  const url = await waitFor(() => /http:\/\/localhost:\d+\//.exec(output())?.[0], "its URL").catch(
    async (late: unknown) => {
      child.kill();
      await ended;
      throw late;
    },
  );
  return {
    url,
    pid: child.pid ?? 0,
    output,
    said: (text) =>
      waitFor(() => (output().includes(text) ? true : undefined), JSON.stringify(text)).then(() => {}),
    async end(signal = "SIGTERM") {
      child.kill(signal);
      return ended;
    },
  };
}

/** For what is expected to end by itself. */
export function runDemo(args: readonly string[]): Promise<Ending> {
  return launch(NODE, args).ended;
}

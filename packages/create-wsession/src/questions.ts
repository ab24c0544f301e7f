/** Asks on a terminal for each choice that no argument has made. */
import { createInterface } from "node:readline/promises";
import { oneOf, RUNTIMES, STORES } from "./answers.ts";
import type { Answers, Given } from "./answers.ts";
import { InterruptedError, UsageError } from "./failures.ts";

export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

const DEFAULTS = { target: "wsession-app", runtime: "ws", store: "map", login: false } as const;

/** Asks for the missing choices. Without a terminal or with `--yes` these have defaults, but the folder has a default only with `--yes`. */
export async function complete(given: Given, terminal: Terminal | undefined, yes: boolean): Promise<Answers> {
  if (terminal !== undefined && !yes) return ask(given, terminal);
  const target = given.target ?? (yes ? DEFAULTS.target : undefined);
  if (target === undefined) throw new UsageError("the folder of the new application is missing");
  return {
    target,
    runtime: given.runtime ?? DEFAULTS.runtime,
    store: given.store ?? DEFAULTS.store,
    login: given.login ?? DEFAULTS.login,
  };
}

/** Asks each question until its answer is valid. Rejects with InterruptedError when the input ends, or on Ctrl-C. */
async function ask(given: Given, terminal: Terminal): Promise<Answers> {
  const lines = createInterface(terminal);
  // The iterator keeps lines that arrive together. Readline's own `question` would lose all but the first.
  const answers = lines[Symbol.asyncIterator]();
  const question = async <Value>(text: string, parse: (answer: string) => Value | undefined) => {
    for (;;) {
      lines.setPrompt(text);
      lines.prompt();
      const { value: answer, done } = await answers.next();
      if (done === true) throw new InterruptedError("nothing was written");
      try {
        const value = parse(answer.trim());
        if (value !== undefined) return value;
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        terminal.output.write(`${error.message}\n`);
      }
    }
  };
  try {
    const target =
      given.target ?? (await question(`Folder (${DEFAULTS.target}): `, orDefault(DEFAULTS.target)));
    const runtime =
      given.runtime ??
      (await question("Runtime, ws or uws for uWebSockets.js (ws): ", (answer) =>
        oneOf("the runtime", RUNTIMES, answer || DEFAULTS.runtime),
      ));
    const store =
      given.store ??
      (await question("Store, map for one process or redis for several (map): ", (answer) =>
        oneOf("the store", STORES, answer || DEFAULTS.store),
      ));
    const login = given.login ?? (await question("With a login? y or n (n): ", toBoolean));
    return { target, runtime, store, login };
  } finally {
    lines.close();
  }
}

function orDefault(value: string): (answer: string) => string {
  return (answer) => answer || value;
}

function toBoolean(answer: string): boolean | undefined {
  if (/^(?:n|no)?$/i.test(answer)) return false;
  return /^(?:y|yes)$/i.test(answer) ? true : undefined;
}

/** The command without its process, so that tests can run it in theirs. */
import { relative } from "node:path";
import { parseInvocation } from "./answers.ts";
import { EXIT, InterruptedError, UsageError } from "./failures.ts";
import { generate, ownVersion } from "./generate.ts";
import { complete } from "./questions.ts";
import type { Terminal } from "./questions.ts";
import { toTarget } from "./target.ts";

export interface Surroundings {
  readonly workingDirectory: string;
  /** The variable `npm_config_user_agent`, in which npm, pnpm, yarn and bun state their names: `npm/11.0.0 node/v22.0.0 …`. */
  readonly userAgent: string | undefined;
  /** `undefined` if there is no terminal for the questions. */
  readonly terminal: Terminal | undefined;
  print(text: string): void;
  printError(text: string): void;
}

const HELP = `Usage: npm create wsession@latest FOLDER -- [OPTIONS]

  --runtime ws|uws      ws, or uWebSockets.js
  --store map|redis     sessions in one process, or in Redis
  --login, --no-login   sessions by a login over HTTP, or one for each browser
  --yes, -y             asks nothing: ws, map and no login, unless options say otherwise
  --help, --version
`;

/** Resolves with the exit code. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    await create(args, surroundings);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      surroundings.printError(`create-wsession: ${error.message}\n`);
      return EXIT.usage;
    }
    if (error instanceof InterruptedError) {
      surroundings.printError(`\ncreate-wsession: ${error.message}\n`);
      return EXIT.interrupted;
    }
    surroundings.printError(`create-wsession: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.failure;
  }
}

async function create(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const { workingDirectory, userAgent, terminal } = surroundings;
  const invocation = parseInvocation(args);
  if (invocation.type !== "create")
    return surroundings.print(invocation.type === "help" ? HELP : `${await ownVersion()}\n`);
  const { given, yes } = invocation;
  // Without this check a wrong folder would be refused only after the last question.
  if (given.target !== undefined) toTarget(given.target, workingDirectory);
  const answers = await complete(given, terminal, yes);
  const target = toTarget(answers.target, workingDirectory);
  await generate(target, answers);
  const path = relative(workingDirectory, target.folder);
  surroundings.print(`${target.name} is in ${target.folder}\n\n${nextSteps(path, userAgent)}`);
}

function nextSteps(path: string, userAgent: string | undefined): string {
  const manager = /^(?:npm|pnpm|yarn|bun)(?=\/)/.exec(userAgent ?? "")?.[0] ?? "npm";
  const command = manager === "npm" || manager === "bun" ? `${manager} run` : manager;
  // `bun test` is bun's own test runner. The other managers run the script `test`.
  const test = manager === "bun" ? "bun run test" : `${manager} test`;
  const steps = [`${manager} install`, test, `${command} dev`];
  return `${[...(path === "" ? [] : [`cd ${path}`]), ...steps].map((step) => `  ${step}`).join("\n")}\n`;
}

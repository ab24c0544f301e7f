/** The choices of a user, and the arguments that make them. */
import { parseArgs } from "node:util";
import { UsageError } from "./failures.ts";

export const RUNTIMES = ["ws", "uws"] as const;
export const STORES = ["map", "redis"] as const;

export type Runtime = (typeof RUNTIMES)[number];
export type Store = (typeof STORES)[number];

export interface Answers {
  /** The folder, as the user wrote it. */
  readonly target: string;
  readonly runtime: Runtime;
  readonly store: Store;
  readonly login: boolean;
}

/** The choices that arguments made. Questions or defaults make the others. */
export type Given = { readonly [Key in keyof Answers]: Answers[Key] | undefined };

export type Invocation =
  | { readonly type: "help" }
  | { readonly type: "version" }
  | { readonly type: "create"; readonly given: Given; readonly yes: boolean };

const OPTIONS = {
  runtime: { type: "string" },
  store: { type: "string" },
  login: { type: "boolean" },
  "no-login": { type: "boolean" },
  yes: { type: "boolean", short: "y" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;

/** Throws a UsageError for unknown arguments, and for arguments that contradict each other. */
export function parseInvocation(args: readonly string[]): Invocation {
  const { values, positionals } = parse(args);
  if (values.help === true) return { type: "help" };
  if (values.version === true) return { type: "version" };
  if (positionals.length > 1) throw new UsageError(`one folder is expected, not ${positionals.length}`);
  if (values.login === true && values["no-login"] === true)
    throw new UsageError("--login and --no-login contradict each other");
  const [target] = positionals;
  return {
    type: "create",
    yes: values.yes === true,
    given: {
      target,
      runtime: oneOf("--runtime", RUNTIMES, values.runtime),
      store: oneOf("--store", STORES, values.store),
      login: values.login ?? (values["no-login"] === true ? false : undefined),
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // The first sentence of Node's message names the option. The others are about positional arguments.
    throw new UsageError(error instanceof Error ? error.message.split(". ")[0] : String(error));
  }
}

/** Returns `given` if it is one of the values. Throws a UsageError that names the values otherwise. */
export function oneOf<Value extends string>(
  name: string,
  values: readonly Value[],
  given: string | undefined,
): Value | undefined {
  if (given === undefined) return undefined;
  const found = values.find((value) => value === given);
  if (found === undefined) throw new UsageError(`${name} is ${values.join(" or ")}, not "${given}"`);
  return found;
}

import { parseArgs } from "node:util";
import { UsageError } from "./failures.ts";
import { parseInterval, parsePastTime, parseTimer } from "./times.ts";

/** Where the sessions are. */
export interface Target {
  readonly urls: readonly string[];
  /** The name of the master that the Sentinels at `urls` monitor. */
  readonly sentinel: string | undefined;
  readonly isCluster: boolean;
  readonly prefix: string;
  readonly keyPrefix: string;
  readonly timeoutMs: number;
}

export type Command =
  | { readonly name: "inspect"; readonly list: boolean }
  | { readonly name: "show"; readonly id: string; readonly data: boolean }
  | { readonly name: "subject"; readonly subject: string }
  | {
      readonly name: "destroy";
      readonly id: string | undefined;
      readonly subject: string | undefined;
      readonly reason: string | undefined;
      readonly yes: boolean;
    }
  | {
      readonly name: "revoke";
      readonly before: number;
      /** The top-level field of the data with the time of the login. */
      readonly field: string | undefined;
      readonly absoluteMs: number | undefined;
      readonly reason: string | undefined;
      readonly dryRun: boolean;
      readonly yes: boolean;
    }
  | { readonly name: "watch"; readonly everyMs: number; readonly subject: string | undefined }
  | { readonly name: "doctor" };

export type Invocation =
  | { readonly type: "help"; readonly of: string | undefined }
  | { readonly type: "version" }
  | { readonly type: "run"; readonly command: Command; readonly target: Target; readonly json: boolean };

const SHARED_OPTIONS = {
  redis: { type: "string", multiple: true },
  sentinel: { type: "string" },
  cluster: { type: "boolean" },
  prefix: { type: "string" },
  "key-prefix": { type: "string" },
  timeout: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;

const COMMAND_OPTIONS = {
  list: { type: "boolean" },
  data: { type: "boolean" },
  subject: { type: "string" },
  reason: { type: "string" },
  yes: { type: "boolean", short: "y" },
  before: { type: "string" },
  field: { type: "string" },
  absolute: { type: "string" },
  "dry-run": { type: "boolean" },
  every: { type: "string" },
} as const;

const OPTIONS = { ...SHARED_OPTIONS, ...COMMAND_OPTIONS };

/** The options of each command beside the shared ones, and how many words, at least and at most, follow its name. */
export const COMMANDS: Readonly<
  Record<
    Command["name"],
    { readonly options: readonly (keyof typeof COMMAND_OPTIONS)[]; readonly words: readonly [number, number] }
  >
> = {
  inspect: { options: ["list"], words: [0, 0] },
  show: { options: ["data"], words: [1, 1] },
  subject: { options: [], words: [1, 1] },
  destroy: { options: ["subject", "reason", "yes"], words: [0, 1] },
  revoke: { options: ["before", "field", "absolute", "reason", "dry-run", "yes"], words: [0, 0] },
  watch: { options: ["every", "subject"], words: [0, 0] },
  doctor: { options: [], words: [0, 0] },
};

const ID = /^[A-Za-z0-9_-]{1,64}$/;
/** An id or a token that begins with a hyphen. `parseArgs` would read it as an option. */
const HYPHENATED = /^-[A-Za-z0-9_-]{21}(?:[.~][A-Za-z0-9_-]{43})?$/;
const TOKEN = /^[A-Za-z0-9_-]{22}[.~][A-Za-z0-9_-]{43}$/;

/** Parses the arguments. Throws a UsageError, which repeats no value: a value may be a token or contain a password. */
export function parseInvocation(args: readonly string[], environment: NodeJS.ProcessEnv): Invocation {
  // One id in 64 begins with a hyphen. No option has the length of an id, so none is mistaken for one.
  const joined = joinValues(args);
  const hyphenated = joined.filter((arg) => HYPHENATED.test(arg));
  const { values, positionals } = parse(joined.filter((arg) => !HYPHENATED.test(arg)));
  const [name, ...words] = [...positionals, ...hyphenated];
  if (values.version === true) return { type: "version" };
  if (values.help === true || name === "help") {
    const of = name === "help" ? words[0] : name;
    if (of !== undefined && !isCommandName(of)) throw new UsageError("there is no such command");
    return { type: "help", of };
  }
  if (name === undefined) throw new UsageError("a command is missing");
  if (!isCommandName(name)) throw new UsageError("there is no such command");
  const {
    options,
    words: [least, most],
  } = COMMANDS[name];
  for (const option of Object.keys(COMMAND_OPTIONS))
    if (Object.hasOwn(values, option) && !options.some((own) => own === option))
      throw new UsageError(`${name} has no option --${option}`);
  if (words.length < least) throw new UsageError(`${name} needs ${name === "show" ? "an id" : "a name"}`);
  if (words.length > most) throw new UsageError(`${name} got more words than it takes`);
  return {
    type: "run",
    command: toCommand(name, words[0], values),
    target: toTarget(values, environment),
    json: values.json === true,
  };
}

/** Joins an option and its value that begins with a hyphen: `--subject=-…`. Otherwise the value of `--subject` would be the id. */
function joinValues(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const option = joined.at(-1);
    if (option !== undefined && takesValue(option) && HYPHENATED.test(arg))
      joined.splice(-1, 1, `${option}=${arg}`);
    else joined.push(arg);
  }
  return joined;
}

function takesValue(arg: string): boolean {
  return Object.entries(OPTIONS).some(([name, { type }]) => arg === `--${name}` && type === "string");
}

function parse(args: readonly string[]) {
  try {
    const parsed = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
      tokens: true,
    });
    assertGivenOnce(parsed.tokens);
    return parsed;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // Only the option's name is repeated from Node's message, because the rest may quote a secret.
    const option =
      error instanceof Error ? /'(?:-\w, )?(--?[\w-]{1,30})/.exec(error.message)?.[1] : undefined;
    throw new UsageError(
      option === undefined ? "the arguments can't be read" : `the option ${option} can't be read`,
    );
  }
}

/**
 * The options that choose sessions or servers. If one is given twice, `parseArgs` uses the last value, and
 * `destroy --subject ada --subject bob` would end no session of ada.
 */
const GIVEN_ONCE: ReadonlySet<string> = new Set([
  "subject",
  "before",
  "field",
  "absolute",
  "reason",
  "sentinel",
  "prefix",
  "key-prefix",
] satisfies (keyof (typeof SHARED_OPTIONS & typeof COMMAND_OPTIONS))[]);

function assertGivenOnce(tokens: readonly { readonly kind: string; readonly name?: string }[]): void {
  const given = new Set<string>();
  for (const { kind, name } of tokens) {
    if (kind !== "option" || name === undefined || !GIVEN_ONCE.has(name)) continue;
    if (given.has(name)) throw new UsageError(`the option --${name} is given twice`);
    given.add(name);
  }
}

type Values = ReturnType<typeof parse>["values"];

function isCommandName(name: string): name is Command["name"] {
  return Object.hasOwn(COMMANDS, name);
}

function toCommand(name: Command["name"], word: string | undefined, values: Values): Command {
  const { reason } = values;
  switch (name) {
    case "inspect":
      return { name, list: values.list === true };
    case "show":
      return { name, id: toId(word ?? ""), data: values.data === true };
    case "subject":
      return { name, subject: toSubject(word ?? "") };
    case "destroy": {
      const subject = values.subject === undefined ? undefined : toSubject(values.subject);
      if ((word === undefined) === (subject === undefined))
        throw new UsageError("destroy needs an id or --subject, and not both");
      const id = word === undefined ? undefined : toId(word);
      return { name, id, subject, reason, yes: values.yes === true };
    }
    case "revoke": {
      const { before, field, absolute } = values;
      if (before === undefined) throw new UsageError("revoke needs --before");
      if ((field === undefined) === (absolute === undefined))
        throw new UsageError(
          "revoke needs --field or --absolute, and not both: a record does not contain the time at which its session began",
        );
      return {
        name,
        before: parsePastTime(before),
        field,
        absoluteMs: absolute === undefined ? undefined : parseInterval("--absolute", absolute),
        reason,
        dryRun: values["dry-run"] === true,
        yes: values.yes === true,
      };
    }
    case "watch": {
      const everyMs = values.every === undefined ? 2_000 : parseTimer("--every", values.every);
      return { name, everyMs, subject: values.subject === undefined ? undefined : toSubject(values.subject) };
    }
    case "doctor":
      return { name };
  }
}

function toId(text: string): string {
  if (TOKEN.test(text))
    throw new UsageError(
      "that is a token, and not an id: give its first 22 characters. The token is in the history of the shell now, so end its session",
    );
  if (!ID.test(text)) throw new UsageError("an id has 1 to 64 letters, digits or any of _ -");
  return text;
}

function toSubject(text: string): string {
  if (text === "") throw new UsageError("the subject is empty");
  if (/\p{Surrogate}/u.test(text)) throw new UsageError("the subject must be well-formed Unicode");
  return text;
}

function toTarget(values: Values, environment: NodeJS.ProcessEnv): Target {
  const fromEnvironment = environment["REDIS_URL"] === undefined ? [] : [environment["REDIS_URL"]];
  const urls = values.redis ?? fromEnvironment;
  const { sentinel, cluster, prefix = "ws", "key-prefix": keyPrefix = "", timeout } = values;
  if (sentinel === "") throw new UsageError("--sentinel needs the name of a master");
  if (sentinel !== undefined && cluster === true)
    throw new UsageError("--sentinel and --cluster exclude each other");
  if (urls.length > 1 && sentinel === undefined && cluster !== true)
    throw new UsageError("several --redis need --cluster or --sentinel");
  if (!/^[A-Za-z0-9_.:-]{1,64}$/.test(prefix))
    throw new UsageError("--prefix has 1 to 64 letters, digits or any of _ . : -");
  return {
    urls:
      urls.length === 0
        ? [sentinel === undefined ? "redis://127.0.0.1:6379" : "redis://127.0.0.1:26379"]
        : urls,
    sentinel,
    isCluster: cluster === true,
    prefix,
    keyPrefix,
    timeoutMs: timeout === undefined ? 2_000 : parseTimer("--timeout", timeout),
  };
}

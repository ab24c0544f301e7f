/** @import { Mutant } from "./mutants.mjs" */

import { inPackage } from "./suites.mjs";

const commands = (/** @type {string} */ test) => inPackage("cli", "commands", test);

/** Promises of the command wsession, and of the inspection by which it reads Redis.
 * @type {readonly Mutant[]} */
export const cliMutants = [
  {
    name: "cli-terminal-obeys",
    promise: "Text from Redis can't control the terminal",
    file: "packages/cli/src/output/safe-text.ts",
    find: "return withoutTokens(text).replace(UNSAFE, escapeOf);",
    replace: "return withoutTokens(text).replace(/\\u{1b}/gu, escapeOf);",
    tests: commands("text from Redis can't control the terminal"),
  },
  {
    name: "cli-prints-tokens",
    promise: "No token is printed, also none that is in the data",
    file: "packages/cli/src/output/safe-text.ts",
    find: 'text.replace(TOKEN, "$1.[secret]")',
    replace: 'text.replace(TOKEN, "$&")',
    tests: commands("no command prints a token"),
  },
  {
    name: "cli-shows-data-unasked",
    promise: "Data is printed with --data only",
    file: "packages/cli/src/commands/show.ts",
    find: "withData ? dataOf(context, id) : undefined",
    replace: "withData || id ? dataOf(context, id) : undefined",
    tests: commands("the data only with --data"),
  },
  {
    name: "cli-destroys-unasked",
    promise: "Without a terminal nothing is destroyed without --yes",
    file: "packages/cli/src/confirm.ts",
    find: "if (isYes) return true;",
    replace: "if (isYes || question) return true;",
    tests: commands("needs --yes without a terminal"),
  },
  {
    name: "cli-revokes-unknown-age",
    promise: "A session of unknown age stays",
    file: "packages/cli/src/commands/revoke.ts",
    find: "if (at === undefined) found.unknown.push(id);",
    replace: "if (at === undefined) found.old.push(id);",
    tests: commands("revoke ends the sessions"),
  },
  {
    name: "cli-tells-twice",
    promise: "A message and the next scan print an event once",
    file: "packages/cli/src/commands/watch.ts",
    find: "if (this.#shown.has(key)) return;",
    replace: 'if (this.#shown.has(key) && key === "") return;',
    tests: inPackage("cli", "process", "watch prints messages"),
  },
  {
    name: "inspection-moved-entry-alive",
    promise: "An entry of a session that has another subject counts as dead",
    file: "packages/store-redis/src/inspection/scan.ts",
    find: "hashSubject(record.session.subject) === hash",
    replace: "hashSubject(record.session.subject) !== hash.slice(0, 1)",
    tests: commands("inspect counts sessions"),
  },
  {
    name: "doctor-overlooks-policy",
    promise: "doctor names a policy that evicts",
    file: "packages/store-redis/src/inspection/server-examination.ts",
    find: "const evicts = evictionProblem(facts);",
    replace: "const evicts = evictionProblem({ ...facts, policy: undefined });",
    tests: inPackage("cli", "doctor", "a policy that evicts"),
  },
  {
    name: "doctor-overlooks-rights",
    promise: "doctor names the commands that a user may not run",
    file: "packages/store-redis/src/inspection/server-examination.ts",
    find: "Number(answers[index]) !== 1",
    replace: "Number(answers[index]) > 1",
    tests: inPackage("cli", "doctor", "names the rights that a user lacks"),
  },
  {
    name: "cli-revokes-the-future",
    promise: "revoke refuses a time in the future, because it would end every session",
    file: "packages/cli/src/times.ts",
    find: "if (ms > Date.now()) throw",
    replace: "if (ms > Infinity) throw",
    tests: inPackage("cli", "arguments", "is wrong usage"),
  },
  {
    name: "cli-duration-without-unit",
    promise: "a small duration without a unit is refused, because its author means seconds",
    file: "packages/cli/src/times.ts",
    find: "ms > 0 && ms < 1_000",
    replace: "ms < 0",
    tests: inPackage("cli", "arguments", "needs its unit"),
  },
  {
    name: "cli-loses-the-count",
    promise: "inspect prints what it has counted if Redis stops answering",
    file: "packages/cli/src/commands/inspect.ts",
    find: "orMissing(inspection.isAlive(process.process), null)",
    replace: "inspection.isAlive(process.process)",
    tests: inPackage("cli", "interrupted", "if Redis stops answering"),
  },
  {
    name: "cli-output-lost-in-silence",
    promise: "output that can't be written makes the exit code 1",
    file: "packages/cli/src/main.ts",
    find: "if (error) endWithoutOutput",
    replace: "if (error && code < 0) endWithoutOutput",
    tests: inPackage("cli", "lost-output", "goes to a full disk says so"),
  },
  {
    name: "create-output-lost-in-silence",
    promise: "output of create-wsession that can't be written makes the exit code 1",
    file: "packages/create-wsession/src/main.ts",
    find: "process.exitCode = EXIT.failure;",
    replace: "process.exitCode = EXIT.failure - 1;",
    tests: inPackage("cli", "lost-output", "goes to a full disk says so"),
  },
];

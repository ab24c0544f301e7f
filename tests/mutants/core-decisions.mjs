/** @import { Mutant } from "./mutants.mjs" */

import { tests } from "./suites.mjs";

/** Promises about what happens between a decision and its effect.
 * @type {readonly Mutant[]} */
export const decisionMutants = [
  {
    name: "decisions-never-overtaken",
    promise: "I9: a decision about a subject is known to the destruction of the subject's sessions",
    file: "packages/core/src/session/pending.ts",
    find: "    this.#decisions.bySubject.add(subject, this);\n",
    replace: "",
    tests: tests("overtaken.test.ts", "a destroySubject in the gap, here"),
  },
  {
    name: "requests-never-overtaken",
    promise:
      "A session that is destroyed while a request for it is under way is not attached to a connection",
    file: "packages/core/src/session/pending.ts",
    find: "decision.sessionEnding ??= ending;",
    replace: "void [decision, ending];",
    tests: tests("overtaken.test.ts", "after it took effect: destroy of the session in the gap, here"),
  },
  {
    name: "login-overtaken-in-the-store",
    promise: "I9: a login that the destruction missed in the store destroys its session",
    file: "packages/core/src/session/secrets.ts",
    find: "if (decision?.ending?.code === CloseCode.Destroyed) {",
    replace: "if (decision?.ending?.code === CloseCode.Restarting) {",
    tests: tests("overtaken.test.ts", "identify, .* a destroySubject in the gap"),
  },
  {
    name: "close-lets-one-call-through",
    promise: "close() waits for an operation, not for the first of its calls of the store",
    file: "packages/core/src/session/store-calls.ts",
    find: "  async counted<Result>(run: () => Promise<Result>): Promise<Result> {\n    this.begin();",
    replace:
      "  async counted<Result>(run: () => Promise<Result>): Promise<Result> {\n    this.#underWay += 0;",
    tests: tests("overtaken.test.ts", "close\\(\\) in the gap"),
  },
];

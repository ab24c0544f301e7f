/**
 * A change to a line that keeps a promise, made by hand. `promise` says what is broken by it; `tests` are vitest's arguments
 * that have to notice.
 *
 * @typedef {object} Mutant
 * @property {string} name
 * @property {string} promise
 * @property {string} file
 * @property {string} find stands once in the file
 * @property {string} replace
 * @property {readonly string[]} tests
 * @property {string} [equivalent] why no test can notice it
 */

const lateAnswers = ["--project", "core", "packages/core/test/late-answers.test.ts"];
const redis = ["--project", "store-redis"];

/** @type {readonly Mutant[]} */
export const mutants = [
  {
    name: "loss-without-mark",
    promise: "I8: an old read that is answered after an own write does not take the session back",
    file: "packages/core/src/session/local-session.ts",
    find: "const isLoss = isOther && asked !== undefined && this.isAt(asked);",
    replace: "const isLoss = isOther && asked !== undefined;",
    tests: lateAnswers,
  },
  {
    name: "late-answer-advances",
    promise: "I8: a late answer to a write does not overwrite a newer state",
    file: "packages/core/src/session/local-session.ts",
    find: "if (!this.isAt(asked) || made.version !== asked.version + 1) return;\n    otherVersion",
    replace: "if (made.version !== asked.version + 1) return;\n    otherVersion",
    tests: lateAnswers,
  },
  {
    name: "refused-batch-last",
    promise: "I8: a refused batch is sent again before later writes",
    file: "packages/core/src/session/write-queue.ts",
    find: "this.#waiting.unshift(...writes",
    replace: "this.#waiting.push(...writes",
    tests: lateAnswers,
  },
  {
    name: "fences-travel-together",
    promise: "I13: a fenced write travels with no administrative one",
    file: "packages/core/src/session/write-queue.ts",
    find: "write.single || fenceOf(write.writer) !== fenceOf(first?.writer)",
    replace: "write.single",
    tests: lateAnswers,
  },
  {
    name: "replaced-handle-asks",
    promise: "I13: a replaced handle neither destroys nor touches",
    file: "packages/core/src/session/handle.ts",
    find: "this.#holder.fence < this.#state.fence ? fencedError() : undefined",
    replace: "this.#holder.fence > this.#state.fence ? fencedError() : undefined",
    tests: lateAnswers,
  },
  {
    name: "close-leaves-writes",
    promise: "close() waits for writes under way",
    file: "packages/core/src/session/registry.ts",
    find: "while (this.#underWay > 0) {",
    replace: "while (this.#underWay > 1_000) {",
    tests: lateAnswers,
  },
  {
    name: "writers-forgotten-early",
    promise: "I10: what tells repeats apart outlives the last repeat by a minute",
    file: "packages/store-redis/src/scripts/prelude.lua",
    find: "tonumber(untill) + MEMORY_MS < at",
    replace: "tonumber(untill) < at",
    tests: redis,
  },
  {
    name: "clock-ahead",
    promise: "I10: a not-after is never later than the caller's deadline",
    file: "packages/store-redis/src/clock.ts",
    find: "const least = serverMs - receivedAt;",
    replace: "const least = serverMs - sentAt;",
    tests: redis,
  },
];

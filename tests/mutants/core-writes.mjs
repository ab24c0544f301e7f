/** @import { Mutant } from "./mutants.mjs" */

import { core, inPackage, tests } from "./suites.mjs";

/** Promises of core about writes, fences and takeovers.
 * @type {readonly Mutant[]} */
export const writeMutants = [
  {
    name: "refused-batch-last",
    promise: "I8: a refused batch is sent again before later writes",
    file: "packages/core/src/session/write-queue.ts",
    find: "this.#queued.unshift(...writes",
    replace: "this.#queued.push(...writes",
    tests: core("late-answers"),
  },
  {
    name: "fences-travel-together",
    promise: "I13: a fenced write and an administrative write are not sent in one request",
    file: "packages/core/src/session/write-queue.ts",
    find: "write.isSingle || fenceOf(write.writer) !== fenceOf(first?.writer)",
    replace: "write.isSingle || fenceOf(write.writer) === -2",
    tests: core("late-answers"),
  },
  {
    name: "lost-takeover-asks",
    promise: "A takeover of a connection that was replaced meanwhile is not sent",
    file: "packages/core/src/session/takeover.ts",
    find: "if (connection.fence !== PENDING_FENCE) return undefined;",
    replace: "if (connection.fence > PENDING_FENCE) return undefined;",
    tests: core("pending"),
  },
  {
    name: "failed-takeover-code",
    promise: "A takeover that fails closes the newcomer with 4503",
    file: "packages/core/src/session/takeover.ts",
    find: "CloseCode.StoreUnavailable",
    replace: "CloseCode.HandlerFailed",
    tests: tests("exclusive.test.ts", "fails for good"),
  },
  {
    name: "failed-takeover-writes",
    promise: "I13: a connection whose takeover failed writes nothing",
    file: "packages/core/src/session/takeover.ts",
    find: "connection.fence = LOST_FENCE;\n    connection.end(CloseCode.StoreUnavailable",
    replace: "connection.fence = PENDING_FENCE;\n    connection.end(CloseCode.StoreUnavailable",
    tests: tests("exclusive.test.ts", "fails for good"),
  },
  {
    name: "update-without-expectation",
    promise: "I8: update is applied only to the version that it read",
    file: "packages/core/src/session/write-plan.ts",
    find: "expect: reads || isWhole ? state.version : undefined",
    replace: "expect: !reads && isWhole ? state.version : undefined",
    tests: core("writes"),
  },
  {
    name: "write-without-fence",
    promise: "I13: a write carries the fence of its connection",
    file: "packages/core/src/session/write-plan.ts",
    find: "fence: fenceOf(batch[0]?.writer)",
    replace: "fence: fenceOf(batch[batch.length]?.writer)",
    tests: core("late-answers"),
  },
  {
    name: "fenced-write-leaves-connection",
    promise: "I13: a connection whose write is fenced ends with 4409",
    file: "packages/core/src/session/write-queue.ts",
    find: "state.replace((plan.request.fence ?? 0) + 1);",
    replace: "state.replace(plan.request.fence ?? 0);",
    tests: core("late-answers"),
  },
  {
    name: "missing-write-leaves-connection",
    promise: "I9: a connection whose session is gone ends with 4410",
    file: "packages/core/src/session/write-queue.ts",
    find: "state.endSession(GONE);\n        return",
    replace: "return",
    tests: core("late-answers"),
  },
  {
    name: "others-of-subject-stay",
    promise:
      'I13: exclusive "subject" ends the subject\'s other connections in the process of the newest one',
    file: "packages/core/src/session/takeover.ts",
    find: "state.context.replaceSession(other.id, other.fence)",
    replace: "void other",
    tests: tests("exclusive-subject.test.ts", "ends the subject's other connection"),
  },
  {
    name: "write-queue-stays-busy",
    promise: "A write whose fields throw while they are read does not block later writes",
    file: "packages/core/src/session/write-queue.ts",
    find: "} finally {\n      this.#isBusy = false;\n    }",
    replace: "} finally {\n      void 0;\n    }\n    this.#isBusy = false;",
    tests: inPackage("core", "writes", "fields that throw"),
  },
];

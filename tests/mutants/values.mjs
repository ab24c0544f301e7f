/** @import { Mutant } from "./mutants.mjs" */

import { inPackage, onWs, redis, tests } from "./suites.mjs";

/** Promises about data that can't be read, names that Redis can't tell apart, and values that nobody may print.
 * @type {readonly Mutant[]} */
export const valueMutants = [
  {
    name: "array-properties-dropped",
    promise: "A named property of an array is refused, because JSON would drop the property",
    file: "packages/store-redis/src/base/codec.ts",
    find: "if (Object.keys(value).length !== value.length)",
    replace: "if (Object.keys(value).length < value.length)",
    tests: redis("codec", "a named property of an array"),
  },
  {
    name: "array-class-stored",
    promise: "An instance of a class that extends Array is refused",
    file: "packages/store-redis/src/base/codec.ts",
    find: "if (!Array.isArray(Object.getPrototypeOf(value)))",
    replace: 'if (path === "" && !Array.isArray(Object.getPrototypeOf(value)))',
    tests: redis("codec", "an instance of a class that extends Array"),
  },
  {
    name: "unreadable-change-without-a-type",
    promise:
      "I21 a staged change that can't be read is refused, so that its client does not send it for ever",
    file: "packages/core/src/store/change.ts",
    find: 'if (isSessionError(cause, "INVALID_DATA")) throw cause;',
    replace: "if (isSessionError(cause) || cause instanceof Error) throw cause;",
    tests: onWs("can't be read when it is committed"),
  },
  {
    name: "unreadable-change-keeps-messages",
    promise: "I21 a commit whose change can't be read keeps no message",
    file: "packages/core/src/store/map.ts",
    find: "const data = change && readData(() => applyChange(entry.data, change));\n    const appended = outbox && this.#records.outboxes.append(id, outbox);",
    replace:
      "const appended = outbox && this.#records.outboxes.append(id, outbox);\n    const data = change && readData(() => applyChange(entry.data, change));",
    tests: inPackage("core", "values", "keeps no message"),
  },
  {
    name: "redis-encoding-fails-as-redis",
    promise: "Data that can't be read is NOT_SERIALISABLE, and no failure of Redis",
    file: "packages/store-redis/src/base/codec.ts",
    find: 'throw notSerialisable("the data", "can\'t be read", { cause: error });',
    replace: "throw error;",
    tests: tests("redis-transactions.test.ts", "NOT_SERIALISABLE"),
  },
  {
    name: "login-lost-with-unreadable-data",
    promise: "A login takes effect although another process wrote data that can't be read",
    file: "packages/core/src/session/adopt-written.ts",
    find: "if (subject !== undefined) state.subject = subject;",
    replace: "if (subject !== undefined) throw error;",
    tests: inPackage("core", "late-answers", "I8 a login takes effect"),
  },
  {
    name: "half-a-surrogate-names-a-subject",
    promise: "A subject that UTF-8 can't represent is refused with every store",
    file: "packages/core/src/base/names.ts",
    find: "if (!subject.isWellFormed()) throw",
    replace: 'if (subject === "" && !subject.isWellFormed()) throw',
    tests: tests("argument-functions.test.ts", "every member of Sessions"),
  },
  {
    name: "token-in-the-prints-of-a-connection",
    promise: "A print of a connection does not show its token",
    file: "packages/core/src/connection/session-slot.ts",
    find: "    this.#token = token;\n",
    replace:
      "    this.#token = token;\n    Reflect.defineProperty(this, 'printed', { value: token, enumerable: true });\n",
    tests: tests("security/printed.test.ts", "no print of a connection or a session"),
  },
  {
    name: "text-in-place-of-the-options-of-a-refusal",
    promise: "A text in place of the options of a TransactionRefused is refused",
    file: "packages/protocol/src/refusal.ts",
    find: 'Object.prototype.toString.call(options) !== "[object Object]" || ',
    replace: "",
    tests: inPackage("protocol", "refusal", "options of another type"),
  },
];

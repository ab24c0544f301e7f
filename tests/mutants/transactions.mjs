/** @import { Mutant } from "./mutants.mjs" */

import { onWs, tests } from "./suites.mjs";

const transactions = "packages/core/src/framed/transactions.ts";
const handlerRun = "packages/core/src/framed/handler-run.ts";
const staged = "packages/core/src/session/transaction.ts";
const numbered = "packages/core/src/framed/numbered-connection.ts";
const limits = (/** @type {string} */ test) => tests("transactions/limits.test.ts", test);

/** Promises of the handler `transaction` on a connection.
 * @type {readonly Mutant[]} */
export const transactionMutants = [
  {
    name: "transaction-reported-before-commit",
    promise: "I21: the ack of a number is sent once the number is in the store",
    file: transactions,
    find: "    const outcomes = [...this.#uncommitted, { number, refusal }];",
    replace:
      "    const outcomes = [...this.#uncommitted, { number, refusal }];\n    this.#numbers.settle(number);\n    this.#numbers.sendAck();",
    tests: onWs("I21 no outcome is sent before"),
  },
  {
    name: "transaction-refusal-not-stored",
    promise: "I21: a refusal is settled in the store",
    file: transactions,
    find: "    if (!this.#connection.hasNextNumbered) await this.#commitOutcomes(runAlone);",
    replace:
      "    if (outcome.refusal !== undefined) {\n      this.#uncommitted = [];\n      this.#numbers.refuse(outcome.number, outcome.refusal);\n    } else if (!this.#connection.hasNextNumbered) await this.#commitOutcomes(runAlone);",
    tests: onWs("I21 a refusal is settled"),
  },
  {
    name: "transaction-refused-in-record-is-applied",
    promise: "I21: the outcome of a number in the record counts",
    file: transactions,
    find: "if (this.#record.refused.includes(number)) this.#numbers.refuse(number, refusal ?? REFUSED_BEFORE);",
    replace: "if (refusal !== undefined) this.#numbers.refuse(number, refusal ?? REFUSED_BEFORE);",
    tests: onWs("I21 a refusal is settled"),
  },
  {
    name: "transaction-window-counts-settled",
    promise: "I20: numbers that hello settles leave the window",
    file: "packages/core/src/framed/numbers.ts",
    find: "    if (uncounted > 0) {",
    replace: "    if (uncounted > WINDOW_MESSAGES) {",
    tests: onWs("numbers that hello settles"),
  },
  {
    name: "transaction-handled-twice",
    promise: "I21: a settled number is not handled again",
    file: transactions,
    find: "    if (number <= this.#record.settled) return this.#repeat(outcome);\n",
    replace: "    if (number <= Math.min(0, this.#record.settled)) return this.#repeat(outcome);\n",
    tests: onWs("I21 I23 a message that is sent again"),
  },
  {
    name: "transaction-forgotten-handled",
    promise: "I21: earlier messages of a client whose record was dropped are not handled",
    file: transactions,
    find: "if (this.#newForgetMark !== undefined)",
    replace: "if (this.#newForgetMark === -1)",
    tests: onWs("I21 messages that a forgotten client sent"),
  },
  {
    name: "transaction-record-of-handshake",
    promise:
      "I21: an attach with another forget mark is answered by the present record, not by that of the handshake",
    file: numbered,
    find: "      (records?.mark ?? 0) === attach.mark && (records?",
    replace: "      (records?.mark ?? 0) !== -1 && (records?",
    tests: onWs("I21 a client that is remembered again"),
  },
  {
    name: "transaction-effect-without-commit",
    promise: "I21: effects run once the commit is acknowledged, and not for a run that conflicted",
    file: transactions,
    find: "      case undefined:\n        return undefined;",
    replace:
      "      case undefined:\n        for (const effect of staged.effects) void callDetached(effect, () => undefined);\n        return undefined;",
    tests: onWs("I21 the handler runs again"),
  },
  {
    name: "transaction-stale-data",
    promise: "I21: a change of older data is not committed",
    file: staged,
    find: "    return this.#hasRead || (this.#writes.length > 0 && this.#state.isOtherVersion);",
    replace: "    return this.#writes.length > 0 && this.#state.isOtherVersion;",
    tests: onWs("I21 the handler runs again"),
  },
  {
    name: "transaction-reads-always",
    promise: "I21: a handler that did not read the data does not run again",
    file: staged,
    find: "  #hasRead = false;",
    replace: "  #hasRead = true;",
    tests: onWs("I21 a handler that did not read the data"),
  },
  {
    name: "transaction-thrown-change-not-read",
    promise: "I21: what a change saw counts as read, also if the change throws",
    file: staged,
    find: "    this.#hasRead = true;\n    this.#isChanging = true;\n",
    replace: "    this.#isChanging = true;\n",
    tests: onWs("I21 data that a change was called with"),
  },
  {
    name: "transaction-staged-inside-a-change",
    promise: "I21: nothing that was staged is lost in silence",
    file: staged,
    find: "    if (this.#isChanging)\n",
    replace: "    if (this.#isChanging && this.#hasEnded)\n",
    tests: onWs("I21 a change that stages something itself"),
  },
  {
    name: "transaction-cut-refusal-unreported",
    promise: "Nothing is lost in silence: a refusal that does not reach the client whole is reported",
    file: "packages/core/src/framed/numbers.ts",
    find: "    if (loss !== undefined) this",
    replace: '    if (loss !== undefined && frame === "") this',
    tests: onWs("a detail that does not reach the client"),
  },
  {
    name: "transaction-ack-after-effect",
    promise: "I22: the ack is sent before the effects run",
    file: transactions,
    find: "        this.#numbers.sendAck();\n",
    replace: "        this.#numbers.ackLater();\n",
    tests: onWs("I22 a transaction's effect"),
  },
  {
    name: "transaction-never-late",
    promise: "I21: a handler fails after handlerTimeoutMs",
    file: handlerRun,
    find: "deadlines.within(handlerTimeoutMs, running, late)",
    replace: "deadlines.within(handlerTimeoutMs && Infinity, running, late)",
    tests: onWs("I21 a handler that does not settle"),
  },
  {
    name: "transaction-usable-after-its-end",
    promise: "I21: a call on tx after the handler has settled throws",
    file: handlerRun,
    find: "    staged.end();\n",
    replace: "",
    tests: onWs("I21 a handler that does not settle"),
  },
  {
    name: "transaction-handle-writes",
    promise: "I21: writes outside the running transaction are refused",
    file: numbered,
    find: "    this.flow |= Flow.InTransaction;\n",
    replace: "",
    tests: onWs("I21 writes of the connection's handle"),
  },
  {
    name: "transaction-handle-stays-shut",
    promise: "Writes of the handle work once the handler has settled",
    file: numbered,
    find: "    this.flow &= ~Flow.InTransaction;",
    replace: "    this.flow &= ~0;",
    tests: onWs("I21 writes of the connection's handle"),
  },
  {
    name: "transaction-each-settled-alone",
    promise: "I21: messages that change nothing are settled together",
    file: transactions,
    find: "if (!this.#connection.hasNextNumbered) await",
    replace: "if (this.#uncommitted.length > 0) await",
    tests: onWs("I21 messages that change nothing"),
  },
  {
    name: "transaction-unstorable-is-unknown",
    promise: "I21: data that the store can't keep refuses the message",
    file: "packages/core/src/framed/refusals.ts",
    find: '    case "NOT_SERIALISABLE":\n',
    replace: "",
    tests: limits("reject with NOT_SERIALISABLE"),
  },
  {
    name: "transaction-conflict-unreported",
    promise: "a transaction that loses too often is reported with CONFLICT",
    file: transactions,
    find: "    this.#connection.transactionFailed(conflictError());\n",
    replace: "    void conflictError();\n",
    tests: limits("loses against another process"),
  },
  {
    name: "transaction-chunk-boundary",
    promise: "I22: messages of a transaction that need more than one command of Redis are all kept",
    file: "packages/store-redis/src/scripts/prelude-outbox.lua",
    find: "for first = 1, #values, 500 do",
    replace: "for first = 1, #values, 501 do",
    tests: limits("keep 1,000 messages"),
  },
];

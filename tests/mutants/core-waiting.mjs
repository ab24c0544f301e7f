/** @import { Mutant } from "./mutants.mjs" */

import { core, onWs } from "./suites.mjs";

/** Promises of core's waiting: the calls of ready(), the buffers of messages, and timers.
 * @type {readonly Mutant[]} */
export const waitingMutants = [
  {
    name: "waiter-keeps-signal",
    promise: "I6: a wait that has settled leaves no listener on its signal",
    file: "packages/core/src/connection/ready-waiters.ts",
    find: '        signal?.removeEventListener("abort", aborted);\n',
    replace: "",
    tests: core("ready-waiters"),
  },
  {
    name: "waiter-keeps-deadline",
    promise: "I6: a wait that has settled leaves no deadline",
    file: "packages/core/src/connection/ready-waiters.ts",
    find: "        deadline?.cancel();\n",
    replace: "        void deadline;\n",
    tests: core("ready-waiters"),
  },
  {
    name: "no-time-left-waits",
    promise: "I6: ready() with no time left rejects",
    file: "packages/core/src/connection/ready-waiters.ts",
    find: "if (timeoutMs < 0) return",
    replace: "if (timeoutMs < -Infinity) return",
    tests: core("ready-waiters"),
  },
  {
    name: "left-waits-on",
    promise: "I6: ready() rejects when the connection ends",
    file: "packages/core/src/connection/session-slot.ts",
    find: "    this.#expectation?.readyWaiters?.reject(connectionClosedError());\n",
    replace: "",
    tests: onWs("I6 ready\\(\\) rejects when our side"),
  },
  {
    name: "buffered-without-bound",
    promise: "maxBufferedBytes limits the data that waits for a peer that does not read",
    file: "packages/core/src/connection/sending.ts",
    find: "buffered + bytes > settings.maxBufferedBytes",
    replace: "bytes > settings.maxBufferedBytes",
    tests: onWs("maxBufferedBytes"),
  },
  {
    name: "inbox-one-message-early",
    promise: "The first message over a limit exceeds the limit",
    file: "packages/core/src/connection/inbox.ts",
    find: "this.size > limits.maxMessages ||",
    replace: "this.size >= limits.maxMessages ||",
    tests: core("inbox"),
  },
  {
    name: "inbox-keeps-units",
    promise: "A message that was removed from the inbox no longer counts, and its bytes are not counted",
    file: "packages/core/src/connection/inbox.ts",
    find: "    this.#units -= message.length;\n",
    replace: "",
    tests: core("inbox"),
  },
  {
    name: "timer-too-long",
    promise: "A deadline beyond the longest delay of a timer does not fire early",
    file: "packages/core/src/base/deadlines.ts",
    find: "Math.min(MAX_TIMER_MS, Math",
    replace: "Math.min(MAX_TIMER_MS * 1_000, Math",
    tests: core("deadlines"),
  },
  {
    name: "cancelled-twice",
    promise: "A second cancel of a deadline has no effect",
    file: "packages/core/src/base/deadlines.ts",
    find: "    if (this.run === undefined) return;\n",
    replace: "",
    tests: core("deadlines"),
    equivalent:
      "a count that is too high only lets the sweep of cancelled ones come sooner, which moves no deadline",
  },
];

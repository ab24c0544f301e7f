/** @import { Mutant } from "./mutants.mjs" */

import { redis } from "./suites.mjs";

const doubts = "packages/store-redis/src/commands/doubts.ts";
const change = "packages/store-redis/src/commands/state-change.ts";
const rotate = "packages/store-redis/src/scripts/rotate.lua";

/** Promises on changes of presence whose calls were sent again, or have no reply.
 * @type {readonly Mutant[]} */
export const repeatedPresenceMutants = [
  {
    name: "repeated-change-not-reported",
    promise: "A change of presence is reported though its call was sent again",
    file: doubts,
    find: "if (attempts > 1) this.#listener(id);",
    replace: "",
    tests: redis("repeated-presence", "its call is repeated"),
  },
  {
    name: "repeated-look-not-reported",
    promise: "A session that leaves by a look is reported though the look was sent again",
    file: "packages/store-redis/src/commands/look.ts",
    find: "return doubts.call(id, readLook,",
    replace: 'return doubts.call("", readLook,',
    tests: redis("repeated-presence", "leaves by a repeated look"),
  },
  {
    name: "unknown-change-not-reported",
    promise: "A change of presence is reported though its call has no reply",
    file: doubts,
    find: 'error.outcome === "unknown"',
    replace: 'error.outcome === "not-applied"',
    tests: redis("repeated-presence", "whose call fails"),
  },
  {
    name: "repeated-destruction-not-reported",
    promise: "A destruction is reported though its call was sent again",
    file: change,
    find: 'return { subject, type: "offline", stamp: now };',
    replace: "return undefined;",
    tests: redis("repeated-presence", "a repeated destruction"),
  },
  {
    name: "repeated-expiry-not-reported",
    promise: "An expired session is reported though the look that found the end was sent again",
    file: change,
    find: "if (Math.min(idleAt, absoluteAt) <= now)",
    replace: "if (Math.min(idleAt, absoluteAt) <= 0)",
    tests: redis("repeated-presence", "expires by a repeated look"),
  },
  {
    name: "lua-former-subject-forgotten-by-a-repeat",
    promise: "A repeated login is reported for the former subject too",
    file: rotate,
    find: "if is_recorded and is_passed_on then written",
    replace: "if false then written",
    tests: redis("repeated-presence", "its call is repeated"),
  },
];

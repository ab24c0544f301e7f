/** @import { Mutant } from "./mutants.mjs" */

import { redis } from "./suites.mjs";

/** Promises of the calls and of the connection of store-redis.
 * @type {readonly Mutant[]} */
export const storeConnectionMutants = [
  {
    name: "clock-ahead",
    promise: "I10: a not-after is never later than the caller's deadline",
    file: "packages/store-redis/src/connection/clock.ts",
    find: "const least = serverMs - receivedAt;",
    replace: "const least = serverMs - Math.min(sentAt, receivedAt);",
    tests: redis("clock"),
  },
  {
    name: "clock-not-forgotten",
    promise: "The clock estimate of the previous server is not used for another server",
    file: "packages/store-redis/src/connection/clock.ts",
    find: "  forget(): void {\n    this.#offset = undefined;",
    replace: "  forget(): void {\n    this.#offset ??= undefined;",
    tests: redis("clock"),
  },
  {
    name: "refused-counts-as-run",
    promise: "I11: a command that Redis refused is not-applied",
    file: "packages/store-redis/src/connection/calls.ts",
    find: "isRefused ? attempts - 1 : attempts",
    replace: "isRefused ? attempts : attempts",
    tests: redis("deadlines", "a call that Redis refuses"),
  },
  {
    name: "refused-again-is-sure",
    promise: "I11: if an earlier attempt may have run, a refusal is unknown",
    file: "packages/store-redis/src/connection/calls.ts",
    find: "const isSure = attempts <= 1 ||",
    replace: "const isSure = attempts >= 1 ||",
    tests: redis("calls", "a refusal for lack of memory"),
  },
  {
    name: "policy-stops-a-store-in-use",
    promise: "A change of the eviction policy while the store is in use does not stop the store",
    file: "packages/store-redis/src/connection/availability.ts",
    find: "return bad ?? (this.#wasAvailable ? undefined : eviction)",
    replace: "return bad ?? eviction",
    tests: redis("server-checks", "a policy that changes"),
  },
  {
    name: "evicting-server-used",
    promise: "A server that evicts is refused",
    file: "packages/store-redis/src/connection/availability.ts",
    find: "return bad ?? (this.#wasAvailable ? undefined : eviction)",
    replace: "return bad",
    tests: redis("server-checks", "a server that evicts"),
  },
  {
    name: "reported-again-and-again",
    promise: "A problem of a server is reported once",
    file: "packages/store-redis/src/connection/availability.ts",
    find: "if (error?.message === this.#reported.get(about)) return;",
    replace: "if (error === undefined && !this.#reported.has(about)) return;",
    tests: redis("server-checks", "a server that evicts|that is reported once"),
  },
  {
    name: "closed-client-waits",
    promise: "I11: a call of a closed client is refused at once",
    file: "packages/store-redis/src/connection/availability.ts",
    find: "if (this.#connection.isEnded) return Promise.reject(closed());",
    replace: "",
    tests: redis("deadlines", "if the client was closed"),
  },
  {
    name: "refused-at-deadline",
    promise:
      "I11: a call that Redis refuses until its deadline is not applied, also if each reply takes long",
    file: "packages/store-redis/src/connection/calls.ts",
    find: "const ANSWER_SHARE = 1 / 8;",
    replace: "const ANSWER_SHARE = 0;",
    tests: ["packages/store-redis/test/deadlines.test.ts", "-t", "also if each reply takes long"],
  },
];

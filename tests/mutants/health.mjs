/** @import { Mutant } from "./mutants.mjs" */

import { core, inPackage, redis } from "./suites.mjs";

const health = "packages/core/src/server/health.ts";
const storeHealth = "packages/store-redis/src/membership/health.ts";
const tells = "packages/store-redis/src/presence/change-publisher.ts";
const told = redis("presence-states", "simultaneous changes of many subjects");

/** Promises of health(), and of the messages to processes that watch subjects.
 * @type {readonly Mutant[]} */
export const healthMutants = [
  {
    name: "health-while-closing",
    promise: "sessions that close are not healthy",
    file: health,
    find: "ok: store.ok && !closing,",
    replace: "ok: store.ok,",
    tests: core("health"),
  },
  {
    name: "health-without-limit",
    promise: "health() settles within its limit, whatever the store does",
    file: health,
    find: "setImmediate(() => setImmediate(reject))",
    replace: "setImmediate(() => setImmediate(() => reject.length))",
    tests: core("health"),
  },
  {
    name: "health-keeps-alive",
    promise: "health() keeps no process alive",
    file: health,
    find: "LIMIT_MS).unref();",
    replace: "LIMIT_MS);",
    tests: inPackage("core", "health", "keeps no process alive"),
  },
  {
    name: "health-believes-anything",
    promise: "an answer that is not the health of a store is not ok",
    file: health,
    find: "ok: ok === true,",
    replace: "ok: Boolean(ok),",
    tests: core("health"),
  },
  {
    name: "health-forgets-failures",
    promise: "a store without health is not ok while its calls fail",
    file: health,
    find: "ok: !reports.isStoreFailing",
    replace: "ok: reports !== undefined",
    tests: core("health"),
  },
  {
    name: "health-of-a-replica",
    promise: "a store whose server is a replica is not healthy",
    file: storeHealth,
    find: 'answer.role !== "replica"',
    replace: 'answer.role !== "primary" || true',
    tests: redis("health"),
  },
  {
    name: "health-without-subscription",
    promise: "a store that receives no announcements is not healthy",
    file: storeHealth,
    find: "isUsable && subscription !== false && lease !== false",
    replace: "isUsable && lease !== false",
    tests: redis("health"),
  },
  {
    name: "health-waits-for-ever",
    promise: "the store's answer comes within the limit while the server is stopped",
    file: "packages/store-redis/src/connection/health-probe.ts",
    find: "orTooLate(deadline - performance.now(),",
    replace: "orTooLate(60_000 + deadline - performance.now(),",
    tests: redis("health"),
  },
  {
    name: "tells-one-by-one",
    promise: "the changes of one turn share a message",
    file: tells,
    find: "const AT_ONCE = 128;",
    replace: "const AT_ONCE = 1;",
    tests: told,
  },
  {
    name: "tells-the-first-only",
    promise: "each change is reported",
    file: "packages/store-redis/src/base/grouped.ts",
    find: "else group.push(item);",
    replace: "else group.splice(0, 1, item);",
    tests: told,
  },
  {
    name: "tells-nobody",
    promise: "watchers of other processes get each change",
    file: tells,
    find: "if (!this.#recording.isWatched) return;",
    replace: "if (this.#recording.isWatched) return;",
    tests: redis("presence-states"),
  },
  {
    name: "tells-close-forgets",
    promise: "changes that wait are reported before the store closes",
    file: tells,
    find: "if (this.#waiting.length === 1) process.nextTick(() => void this.flush());",
    replace: "if (this.#waiting.length === 2) process.nextTick(() => void this.flush());",
    tests: inPackage("store-redis", "presence-states"),
  },
];

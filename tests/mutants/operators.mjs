/** @import { Mutant } from "./mutants.mjs" */

import { redis } from "./suites.mjs";

const subscription = "packages/store-redis/src/announcements/subscription.ts";

/** Promises of store-redis while an operator changes the server.
 * @type {readonly Mutant[]} */
export const operatorMutants = [
  {
    name: "publish-raises",
    promise: "A change is acknowledged, although the Redis user has no right to publish the change",
    file: "packages/store-redis/src/scripts/prelude.lua",
    find: "redis.pcall('PUBLISH', channel, message)",
    replace: "redis.call('PUBLISH', channel, message)",
    tests: redis("subscriptions", "without the right to publish"),
  },
  {
    name: "forbidden-publish-confirmed",
    promise: "A subscription is not confirmed while the Redis user has no right to publish the probe",
    file: subscription,
    find: "error === NOT_DELIVERED || isForbidden(error)",
    replace: "error === NOT_DELIVERED",
    tests: redis("subscriptions", "without the right to publish"),
  },
  {
    name: "forbidden-once",
    promise: "A right to the channels that is missing again is reported again",
    file: subscription,
    find: "    this.#isForbidden = false;",
    replace: "",
    tests: redis("subscriptions", "without the right to the channels"),
  },
  {
    name: "lease-of-another-type",
    promise:
      "A process is healthy again after another application has written a value of another type to its lease",
    file: "packages/store-redis/src/scripts/lease.lua",
    find: "redis.pcall('GET', key)",
    replace: "redis.call('GET', key)",
    tests: redis("lease", "another type"),
  },
  {
    name: "lease-without-a-right",
    promise:
      "A process without the right to read its lease is reported as unhealthy, and does not replace the lease",
    file: "packages/store-redis/src/scripts/lease.lua",
    find: "if type(value) == 'table' and not string.find(value.err, 'WRONGTYPE', 1, true) then return value end",
    replace: "",
    tests: redis("lease", "without the right to read"),
  },
  {
    name: "refused-for-ever",
    promise: "The checks of a server continue once an operator gives a right back",
    file: "packages/store-redis/src/connection/server-check.ts",
    find: "if (section === undefined) this.#refused.clear();",
    replace: "",
    tests: redis("server-checks", "gives a right back"),
  },
  {
    name: "no-replicas-final",
    promise: "A write that Redis refuses for lack of replicas is tried again until its deadline",
    file: "packages/store-redis/src/base/failures.ts",
    find: '  "NOREPLICAS",\n  "READONLY",\n  "TRYAGAIN",',
    replace: '  "READONLY",\n  "TRYAGAIN",',
    tests: redis("calls", "lack of replicas"),
  },
  {
    name: "refusal-unnamed",
    promise: "The error of a call that was refused until its deadline names the refusal",
    file: "packages/store-redis/src/connection/calls.ts",
    find: "isRefused && performance.now() >= lastTry ? giveUp()",
    replace: "isRefused && performance.now() < 0 ? giveUp()",
    tests: redis("calls", "lack of replicas"),
  },
  {
    name: "cluster-password-kept",
    promise: "The next connections to a Cluster use a password that the application has changed",
    file: "packages/store-redis/src/drivers/ioredis/cluster-client.ts",
    find: "const own = this.#areCredentialsChanged()",
    replace: "const own = this.#nodes.size === 0",
    tests: redis("credentials", "on a Cluster"),
  },
  {
    name: "authority-kept",
    promise: "The next connection uses an authority that the application has changed",
    file: "packages/store-redis/src/drivers/ioredis/own-options.ts",
    find: "return { username, password, tls, sentinelUsername",
    replace: "return { username, password, tls: tls && sentinelTLS, sentinelUsername",
    tests: redis("credentials", "uses an authority"),
  },
  {
    name: "sentinel-password-kept",
    promise: "The next connection asks Sentinel with a password that the application has changed",
    file: "packages/store-redis/src/drivers/ioredis/server-client.ts",
    find: "        renewCredentials();\n        return retryPause(times);",
    replace: "        return retryPause(times);",
    tests: redis("credentials", "asks Sentinel"),
  },
];

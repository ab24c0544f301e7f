/** @import { Mutant } from "./mutants.mjs" */

import { drivers, redis, tests } from "./suites.mjs";

/** Promises of store-redis that its drivers keep, or that hold with each client library.
 * @type {readonly Mutant[]} */
export const driverMutants = [
  {
    name: "burst-without-limit",
    promise: "fault B3: a burst of calls to a server that hangs sends few commands",
    file: "packages/store-redis/src/connection/sender.ts",
    find: "const MIN_WINDOW = 80;",
    replace: "const MIN_WINDOW = 1_000;",
    tests: drivers("faults", "node-redis 6.*one server"),
  },
  {
    name: "each-health-asks",
    promise: "fault B3: calls of health() at the same time share one question",
    file: "packages/store-redis/src/connection/health-probe.ts",
    find: "if (answer === undefined) {",
    replace: "if (answer !== null) {",
    tests: drivers("faults", "ioredis 6.*one server"),
  },
  {
    name: "unsent-is-unknown",
    promise: "I11: a call that was never sent is not applied",
    file: "packages/store-redis/src/connection/calls.ts",
    find: "attempts === 0 && isConnectionLost(error)",
    replace: "attempts < 0 && isConnectionLost(error)",
    tests: drivers("faults", "node-redis 6.*one server"),
  },
  {
    name: "table-read-once",
    promise:
      "A Cluster of node-redis: the driver searches for the new primary of lost slots until it is found",
    file: "packages/store-redis/src/drivers/node-redis/cluster-client.ts",
    find: "        this.#findLater();\n      },",
    replace: "      },",
    tests: drivers("failover", "node-redis 6.*a primary of a Cluster"),
  },
  {
    name: "addresses-not-mapped",
    promise: "nodeAddressMap of a Cluster of node-redis applies to the store's connections",
    file: "packages/store-redis/src/drivers/node-redis/discovery.ts",
    find: '...(typeof map === "function" ? map(name) : map?.[name]) }',
    replace: '...(typeof map === "function" ? map(name) : map?.[`not ${name}`]) }',
    tests: drivers("faults", "node-redis 6.*a Cluster"),
  },
  {
    name: "written-counts-as-unsent",
    promise: "I10: a command of node-redis that was written counts as an attempt",
    file: "packages/store-redis/src/drivers/node-redis/sent-command.ts",
    find: "    this.#isWritten = true;\n    this.attempts += 1;",
    replace: "    this.#isWritten = true;\n    this.attempts += 0;",
    tests: drivers("faults", "node-redis 6.*a change without a reply"),
  },
  {
    name: "replies-of-resp-3",
    promise: "The protocol of the application's node-redis client does not change what the store reads",
    file: "packages/store-redis/src/drivers/node-redis/own-options.ts",
    find: "commandOptions: { timeout: undefined },",
    replace: "",
    tests: drivers("clients", "replies as buffers"),
  },
  {
    name: "ready-after-close",
    promise: "fault B1: a client of ioredis 5 connects again after its handshake failed",
    file: "packages/store-redis/src/drivers/ioredis/connections.ts",
    find: 'if (status !== "connect") redis.status = status;',
    replace: 'if (status === "wait") redis.status = status;',
    tests: tests("drivers.test.ts", "ioredis 5.*during the handshake"),
  },
  {
    name: "late-error-of-stream",
    promise:
      "issue 13, kind F: the second error of a TLS stream that ioredis has ended does not end the process",
    file: "packages/store-redis/src/drivers/ioredis/connections.ts",
    find: '(await connect(...args)).on("error", () => undefined)',
    replace: "connect(...args)",
    tests: ["packages/store-redis/test/tls.test.ts", "-t", "TLS handshake with one server"],
  },
  {
    name: "late-error-of-slot-table",
    promise: "issue 13, kind F: the same for the client that ioredis creates for the slot table of a Cluster",
    file: "packages/store-redis/src/drivers/ioredis/connections.ts",
    find: "ignoreLateErrors(duplicate(override))",
    replace: "duplicate(override)",
    tests: ["packages/store-redis/test/tls.test.ts", "-t", "TLS handshake with a Cluster"],
  },
  {
    name: "late-error-of-sentinel",
    promise: "issue 13, kind F: the same for the client that ioredis creates for each Sentinel",
    file: "packages/store-redis/src/drivers/ioredis/connections.ts",
    find: "{ ...options, lazyConnect: true }",
    replace: "options",
    tests: ["packages/store-redis/test/tls.test.ts", "-t", "TLS handshake with a Sentinel"],
  },
  {
    name: "subscribe-unchecked",
    promise:
      "issue 13, kind F: a server that is not Redis, and answers SUBSCRIBE with null, does not end the process",
    file: "packages/store-redis/src/drivers/driver.ts",
    find: 'if (reply !== "PONG") throw',
    replace: "if (reply === undefined) throw",
    tests: [
      "packages/store-redis/test/not-redis.test.ts",
      "-t",
      "ioredis: a server that answers each command with null",
    ],
  },
  {
    name: "destroyed-before-connected",
    promise: "close() in the middle of a TLS handshake leaves no connection of node-redis 5 open",
    file: "packages/store-redis/src/drivers/node-redis/own-options.ts",
    find: "client.isOpen && unconnected.has(client)",
    replace: "!client.isOpen && unconnected.has(client)",
    tests: tests("drivers-tls.test.ts", "node-redis 5, trusted"),
  },
  {
    name: "quoted-password",
    promise: "No error has a password, also where the server quotes the arguments of a command",
    file: "packages/store-redis/src/base/failures.ts",
    find: 'message.replace(QUOTED_ARGUMENTS, "")',
    replace: 'message.replace(QUOTED_ARGUMENTS, "$&")',
    tests: tests("drivers.test.ts", "without HELLO"),
  },
  {
    name: "replaced-primary-used",
    promise: "A primary that Sentinel has replaced is left, although it takes itself for the primary",
    file: "packages/store-redis/src/drivers/ioredis/sentinel-watch.ts",
    find: "address !== undefined && this.#used === used && address !== used.address",
    replace: "address !== undefined && this.#used === used && address === used.endpoint",
    tests: redis("worthless-connections", "takes itself for"),
  },
];

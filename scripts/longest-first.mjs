import { relative } from "node:path";
import { BaseSequencer } from "vitest/node";

/**
 * The test files that take longest, in this order. A new clone has no durations of an earlier run, and vitest's own order is by the
 * size of a file within its project: a short file with long tests would start last, and the other workers would be idle meanwhile.
 */
export const LONGEST = [
  "packages/adapter-ws/test/conformance.test.ts",
  "tests/faults/transactions.test.ts",
  "tests/overtaken.test.ts",
  "tests/packages/packages.test.ts",
  "apps/demo/test/one-process.test.ts",
  "tests/redis-conformance.test.ts",
  "bench/test/benches.test.ts",
  "apps/demo/test/counting-in-one-process.test.ts",
  "apps/demo/test/start-and-end.test.ts",
  "apps/demo/test/redis.test.ts",
  "apps/demo/test/counting-on-redis.test.ts",
  "packages/store-redis/test/lost-shard.test.ts",
  "packages/store-redis/test/worthless-connections.test.ts",
  "packages/adapter-ws/test/broken-adapters.test.ts",
  "tests/faults/failover.test.ts",
  "tests/faults/server.test.ts",
  "tests/faults/cases.test.ts",
  "packages/adapter-uws/test/conformance.test.ts",
  "packages/adapter-uws/test/liveness.test.ts",
];

/** Starts the longest test files first. */
export class LongestFirst extends BaseSequencer {
  /**
   * @override
   * @param {Parameters<BaseSequencer["sort"]>[0]} files
   */
  async sort(files) {
    // oxlint-disable-next-line unicorn/no-array-sort -- the method of vitest's sequencer, not of an array
    const sorted = await super.sort(files);
    /** @param {(typeof sorted)[number]} file */
    const rank = ({ moduleId }) => {
      const index = LONGEST.indexOf(relative(this.ctx.config.root, moduleId).replaceAll("\\", "/"));
      return index === -1 ? LONGEST.length : index;
    };
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

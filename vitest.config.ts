import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./scripts/longest-first.mjs";
import { hideTypesNotice } from "./scripts/vitest-notice.mjs";

hideTypesNotice();

const root = import.meta.dirname;

/** Every folder that holds tests, under the name that `--project` selects it by. */
const folders = [
  ...readdirSync(join(root, "packages")).map((name) => ({ name, folder: `packages/${name}/test` })),
  { name: "tests", folder: "tests" },
  { name: "demo", folder: "apps/demo/test" },
  { name: "bench", folder: "bench/test" },
  { name: "examples", folder: "examples/test" },
  { name: "scripts", folder: "scripts/test" },
].filter(({ folder }) => existsSync(join(root, folder)));

export default defineConfig({
  test: {
    // Real sockets, Redis servers and a browser run beside the tests. Most tests wait for servers, so two workers leave more than a third of
    // two cores idle. With four, one or two tests of 6,100 were late in most runs.
    maxWorkers: Math.min(8, Math.max(3, availableParallelism() - 1)),
    sequence: { sequencer: LongestFirst },
    projects: [
      ...folders.map(({ name, folder }) => ({
        extends: true as const,
        test: { name, include: [`${folder}/**/*.test.ts`] },
      })),
      // One run of the compiler for all tests of types.
      {
        extends: true as const,
        test: {
          name: "types",
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: folders.map(({ folder }) => `${folder}/**/*.test-d.ts`),
            tsconfig: "tsconfig.types.json",
          },
        },
      },
    ],
    environment: "node",
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
    // With the default of one second a test fails if a busy machine stalls one of its processes for that time.
    expect: { poll: { timeout: 20_000 } },
    retry: 0,
    // The packages are run by Node as users run them: built, and not rewritten by vite on the way.
    server: { deps: { external: [/\/(?:packages\/[^/]+|apps\/[^/]+|bench|examples)\/dist\//] } },
  },
});

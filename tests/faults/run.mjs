// `npm run test:faults`: the long run of the faults, seeded.
//   --seed N   the random choices of the workers; printed, and new each time without it
//   --ops N    operations in all under faults that must lose nothing; 100,000 without it
//   --only X   cases whose name has X in it
//   --wait     instead: what WAIT changes
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { startVitest } from "vitest/node";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    ops: { type: "string" },
    only: { type: "string" },
    wait: { type: "boolean" },
  },
});
const seed = values.seed ?? String(Math.floor(Math.random() * 1_000_000));
process.env["WSESSION_FAULTS_SEED"] = seed;
process.env["WSESSION_FAULTS_OPS"] = values.ops ?? "100000";
console.log(`seed ${seed}, ${process.env["WSESSION_FAULTS_OPS"]} operations`);

await startVitest("test", [], {
  root: dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
  config: false,
  watch: false,
  include: [join("tests/faults", values.wait === true ? "wait-run.ts" : "long-run.ts")],
  ...(values.only === undefined ? {} : { testNamePattern: values.only }),
  pool: "forks",
  testTimeout: 1_800_000,
  hookTimeout: 60_000,
  disableConsoleIntercept: true,
  server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
});

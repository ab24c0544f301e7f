// `npm run test:faults`: the long run of the faults, seeded.
//   --seed N   the seed of the workers' random choices; without the option a new seed, which is printed
//   --ops N    the number of operations, and of transactions, under faults that must lose nothing; 100,000 by default
//   --only X   runs the cases whose name contains X; "transactions": all of them with transactions, and nothing else;
//              "presence": the presence of 10,000 sessions, with failovers
//   --wait     measures the effect of WAIT instead
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
  include: (values.wait === true
    ? ["wait-run.ts"]
    : ["long-run.ts", "transactions-run.ts", "presence-run.ts"]
  ).map((file) => join("tests/faults", file)),
  // One after another, because a fault of one run would disturb the other.
  fileParallelism: false,
  ...(values.only === undefined ? {} : { testNamePattern: values.only }),
  pool: "forks",
  testTimeout: 1_800_000,
  hookTimeout: 60_000,
  disableConsoleIntercept: true,
  server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
});

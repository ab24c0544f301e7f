// `npm run test:drivers`: the store suite and the short faults with each client library and topology.
//   --only X   runs the cases whose name contains X, such as "node-redis 5"
//   --file X   runs the files whose name contains X, such as "faults"
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { startVitest } from "vitest/node";

const { values } = parseArgs({ options: { only: { type: "string" }, file: { type: "string" } } });

await startVitest("test", values.file === undefined ? [] : [values.file], {
  root: dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
  config: false,
  watch: false,
  include: [join("tests/drivers", "*-run.ts")],
  ...(values.only === undefined ? {} : { testNamePattern: values.only }),
  pool: "forks",
  maxWorkers: 2,
  testTimeout: 30_000,
  hookTimeout: 60_000,
  server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
});

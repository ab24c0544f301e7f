// `npm run test:drivers`: the store suite, faults, failovers, rights and options, with each client library and topology.
//   --only X   runs the cases whose name matches X, such as "node-redis 5"
//   --file X   runs the files whose name contains X, such as "faults"
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startVitest } from "vitest/node";

const { values } = parseArgs({ options: { only: { type: "string" }, file: { type: "string" } } });

await startVitest("test", values.file === undefined ? [] : [values.file], {
  config: join(import.meta.dirname, "vitest.config.mjs"),
  watch: false,
  ...(values.only === undefined ? {} : { testNamePattern: values.only }),
});

// `npm run test:create`: the 8 applications of `npm create wsession`, each installed, built and tested as its user does, from the packed
// packages.
//   --only X   runs the applications whose name contains X, such as "uws-redis"
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { startVitest } from "vitest/node";

const { values } = parseArgs({ options: { only: { type: "string" } } });

await startVitest("test", [], {
  root: dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
  config: false,
  watch: false,
  include: [join("tests/create", "*-run.ts")],
  ...(values.only === undefined ? {} : { testNamePattern: values.only }),
  testTimeout: 300_000,
  hookTimeout: 300_000,
});

import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** The long forms with each client library, which `npm test` leaves out. */
// oxlint-disable-next-line import/no-default-export -- vitest takes its configuration from there
export default {
  root: dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
  test: {
    include: ["tests/drivers/*-run.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
  },
};

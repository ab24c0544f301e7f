// What `npm run test:runtimes` runs, and the table of docs/compatibility.md that it writes.
import { runtimePackages } from "../../scripts/runtimes.mjs";
import { adapterSuite, clientSuite, socketSuite } from "./suites.mjs";

/** @import { RuntimePackage } from "../../scripts/runtimes.mjs" */
/** @import { Suite } from "./suites.mjs" */
/** @typedef {{ readonly id: string, readonly runtime: RuntimePackage, readonly suites: readonly Suite[] }} Row */

const adapters = /** @type {const} */ (["bun", "ws"]);
const all = [clientSuite, ...adapters.map(adapterSuite), ...adapters.map(socketSuite)];

/** @satisfies {{ title: string, head: string, suites: readonly Suite[], rows: readonly Row[] }} */
export const runtimesTable = {
  title: "Runtimes",
  head: "runtime",
  suites: all,
  rows: [
    { id: "node22", runtime: runtimePackages.node22, suites: [clientSuite] },
    { id: "node24", runtime: runtimePackages.node24, suites: [clientSuite] },
    { id: "bun", runtime: runtimePackages.bun, suites: all },
    {
      id: "deno",
      runtime: runtimePackages.deno,
      suites: [clientSuite, adapterSuite("ws"), socketSuite("ws")],
    },
  ],
};

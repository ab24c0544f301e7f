// `npm run test:matrix`: the suites on other versions of Node.js, of the servers and of the WebSocket libraries. Writes the results into
// docs/compatibility.md.
//   --only X  the tables whose title contains X, such as "Servers"
//   --short   the short form, which `.ci/run` calls; writes nothing
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { build } from "../../scripts/build.mjs";
import { root } from "../../scripts/run-tool.mjs";
import { ToolError } from "../../scripts/tools.mjs";
import { short, tables } from "./plan.mjs";
import { provide } from "./platform.mjs";
import { runSuite } from "./suite-run.mjs";
import { markdown, replaceTable } from "./table.mjs";

/** @import { Cell, Line } from "./table.mjs" */
/** @import { Row, Suite, Table } from "./plan.mjs" */

const PAGE = join(root, "docs", "compatibility.md");

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof ToolError)) throw error;
  console.error(`npm run test:matrix: ${error.message}`);
  process.exitCode = 1;
}

async function main() {
  const { values } = parseArgs({ options: { only: { type: "string" }, short: { type: "boolean" } } });
  const built = await build(undefined);
  if (built !== 0) return built;
  if (values.short) return isSound(await runTable(short)) ? 0 : 1;
  const chosen = tables.filter(({ title }) => title.includes(values.only ?? ""));
  let areSound = chosen.length > 0;
  for (const table of chosen) {
    const lines = await runTable(table);
    const page = replaceTable(readFileSync(PAGE, "utf8"), table.title, markdown(table, lines, new Date()));
    writeFileSync(PAGE, page);
    areSound &&= isSound(lines);
  }
  return areSound ? 0 : 1;
}

/**
 * @param {Table} table
 * @returns {Promise<readonly Line[]>}
 */
async function runTable(table) {
  /** @type {Line[]} */
  const lines = [];
  for (const row of table.rows) {
    const platform = await provide(row.platform);
    const title = row.title(platform.versions);
    /** @type {Map<string, Cell>} */
    const cells = new Map();
    for (const suite of row.suites) {
      const cell = await runSuite(platform, suite.args);
      console.log(`${title}: ${suite.title}: ${cell.passed} passed, ${cell.failures.length} failed`);
      for (const failure of cell.failures) console.log(`  failed: ${failure}`);
      cells.set(suite.title, cell);
    }
    lines.push({ title, cells });
  }
  return lines;
}

/** @param {readonly Line[]} lines */
function isSound(lines) {
  return lines.every(({ cells }) =>
    [...cells.values()].every(({ passed, failures }) => passed > 0 && failures.length === 0),
  );
}

// `npm run test:matrix`: the tests on other versions of Node.js, of the servers, of the libraries and of the compiler. Keeps the result of
// each row in results.json as soon as the row was run, and shows the results in docs/compatibility.md.
//   --only X   the rows whose "table: row" contains X, such as "Packages: node24" or "ioredis". May be repeated
//   --missing  of these, the rows that have no result
//   --list     prints the rows, and runs none
//   --short    the short form, which `.ci/run` calls; keeps no result
import process from "node:process";
import { parseArgs } from "node:util";
import { build } from "../../scripts/build.mjs";
import { ToolError } from "../../scripts/tools.mjs";
import { short, tables } from "./plan.mjs";
import { provide } from "./platform.mjs";
import { readResults, record } from "./results.mjs";
import { runSuites } from "./suite-run.mjs";

/** @import { Line } from "./table.mjs" */
/** @import { Row } from "./plan.mjs" */

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof ToolError)) throw error;
  console.error(`npm run test:matrix: ${error.message}`);
  process.exitCode = 1;
}

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true, default: [""] },
      missing: { type: "boolean", default: false },
      list: { type: "boolean" },
      short: { type: "boolean" },
    },
  });
  const chosen = choose(values.only, values.missing);
  if (values.list) {
    for (const { name } of chosen) console.log(name);
    return 0;
  }
  const built = await build(undefined);
  if (built !== 0) return built;
  if (values.short) return isSound(await runRow(short)) ? 0 : 1;
  let areSound = chosen.length > 0;
  for (const { table, row } of chosen) {
    const line = await runRow(row);
    record(table.title, row.id, line);
    areSound &&= isSound(line);
  }
  return areSound ? 0 : 1;
}

/**
 * @param {readonly string[]} only
 * @param {boolean} isMissing
 */
function choose(only, isMissing) {
  const results = readResults();
  const all = tables.flatMap((table) =>
    table.rows.map((row) => ({ table, row, name: `${table.title}: ${row.id}` })),
  );
  // The whole name of a row selects that row alone: the name of another one may begin in the same way.
  const whole = new Set(all.map(({ name }) => name).filter((name) => only.includes(name)));
  return all
    .filter(({ name }) => only.some((text) => (whole.has(text) ? name === text : name.includes(text))))
    .filter(({ table, row }) => !isMissing || results[table.title]?.[row.id] === undefined);
}

/**
 * @param {Row} row
 * @returns {Promise<Omit<Line, "day">>}
 */
async function runRow(row) {
  const platform = await provide(row.platform);
  const title = row.title(platform.versions);
  const { cells } = await runSuites(platform, row);
  for (const [suite, { passed, failures }] of Object.entries(cells)) {
    console.log(`${title}: ${suite}: ${passed} passed, ${failures.length} failed`);
    for (const failure of failures) console.log(`  failed: ${failure}`);
  }
  return { title, cells };
}

/** @param {Pick<Line, "cells">} line */
function isSound({ cells }) {
  return Object.values(cells).every(({ passed, failures }) => passed > 0 && failures.length === 0);
}

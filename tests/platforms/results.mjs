// What `npm run test:matrix`, `test:runtimes` and `test:browsers` found: results.json keeps it, and docs/compatibility.md shows it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/run-tool.mjs";
import { browsersTable } from "../client/browsers/plan.mjs";
import { runtimesTable } from "../other-runtimes/plan.mjs";
import { tables } from "./plan.mjs";
import { markdown, replaceTable } from "./table.mjs";

/** @import { Line, PageTable } from "./table.mjs" */
/** @typedef {Readonly<Record<string, Readonly<Record<string, Line>>>>} Results by the titles of the tables and the ids of their rows */

export const PAGE = join(root, "docs", "compatibility.md");
const FILE = join(import.meta.dirname, "results.json");

/** @type {readonly PageTable[]} */
export const pageTables = [browsersTable, runtimesTable, ...tables];

/** @returns {Results} */
export function readResults() {
  return JSON.parse(readFileSync(FILE, "utf8"));
}

/**
 * Keeps the result of a row that was run today, and shows it.
 *
 * @param {string} table the title
 * @param {string} id of the row
 * @param {Omit<Line, "day">} line
 */
export function record(table, id, line) {
  const day = new Date().toISOString().slice(0, 10);
  const known = readResults();
  const results = inOrder({ ...known, [table]: { ...known[table], [id]: { ...line, day } } });
  writeFileSync(FILE, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(PAGE, withResults(readFileSync(PAGE, "utf8"), results));
}

/**
 * The results in the order of the tables, without those of former rows.
 *
 * @param {Results} known
 * @returns {Results}
 */
function inOrder(known) {
  return Object.fromEntries(
    pageTables.map(({ title, rows }) => [
      title,
      Object.fromEntries(
        rows.flatMap(({ id }) => {
          const line = known[title]?.[id];
          return line === undefined ? [] : [[id, line]];
        }),
      ),
    ]),
  );
}

/**
 * @param {string} page
 * @param {Results} results
 */
function withResults(page, results) {
  return pageTables.reduce(
    (text, table) => replaceTable(text, table.title, markdown(table, results[table.title] ?? {})),
    page,
  );
}

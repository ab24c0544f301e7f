// The tables of docs/compatibility.md that `npm run test:matrix` writes.
/** @import { Table } from "./plan.mjs" */

/** @typedef {{ readonly passed: number, readonly failures: readonly string[] }} Cell */
/** @typedef {{ readonly title: string, readonly cells: ReadonlyMap<string, Cell> }} Line */

/**
 * The table in Markdown, with the day of the run.
 *
 * @param {Pick<Table, "head" | "suites">} table
 * @param {readonly Line[]} lines
 * @param {Date} day
 */
export function markdown({ head, suites }, lines, day) {
  const rows = [
    [head, ...suites.map(({ title }) => title)],
    Array(suites.length + 1).fill("---"),
    ...lines.map(({ title, cells }) => [title, ...suites.map((suite) => text(cells.get(suite.title)))]),
  ];
  const table = rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
  return `Run on ${day.toISOString().slice(0, 10)}.\n\n${table}`;
}

/** @param {Cell | undefined} cell */
function text(cell) {
  if (cell === undefined) return "not run";
  const { passed, failures } = cell;
  if (passed + failures.length === 0) return "**no test ran**";
  const count = `${passed} of ${passed + failures.length}`;
  return failures.length === 0 ? count : `**${count}**`;
}

/**
 * The page with another table between the marks of `title`.
 *
 * @param {string} page
 * @param {string} title
 * @param {string} table
 * @throws {Error} if the page has no such marks
 */
export function replaceTable(page, title, table) {
  const [begin, end] = [`<!-- test:matrix ${title} -->\n`, `\n<!-- end of ${title} -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from === -1 || to === -1) throw new Error(`The page has no marks for the table "${title}".`);
  return `${page.slice(0, from + begin.length)}\n${table}\n${page.slice(to)}`;
}

// The tables of docs/compatibility.md that commands write.

/** @typedef {{ readonly passed: number, readonly failures: readonly string[] }} Cell a failure is the name of a test */

/**
 * @typedef {object} Line the result of a row
 * @property {string} title with the versions
 * @property {string} day of the run, as in 2026-11-27
 * @property {Readonly<Record<string, Cell>>} cells by the titles of the columns
 */

/**
 * @typedef {object} PageTable
 * @property {string} title
 * @property {string} head the head of the first column
 * @property {boolean} [isTurned] whether the page shows a column for each row: there are few rows, and the titles of the columns are long
 * @property {readonly { readonly title: string }[]} suites the columns
 * @property {readonly { readonly id: string, readonly suites: readonly { readonly title: string }[] }[]} rows each with the columns that
 *   apply to it
 */

/** Other cells count tests. */
const NOT_RUN = 'A cell with "not run" was not run yet.';

/**
 * The table in Markdown, after a sentence that explains "not run" if a cell has it.
 *
 * @param {PageTable} table
 * @param {Readonly<Record<string, Line>>} lines by the ids of the rows
 */
export function markdown({ head, isTurned = false, suites, rows }, lines) {
  const titles = suites.map(({ title }) => title);
  const shown = rows.map(({ id, suites: own }) => {
    const { title, day, cells } = lines[id] ?? { title: id, day: "", cells: {} };
    const applying = new Set(own.map((suite) => suite.title));
    return [title, ...titles.map((each) => (applying.has(each) ? text(cells[each]) : "–")), day];
  });
  const grid = [[head, ...titles, "run on"], ...shown];
  const [first = [], ...rest] = isTurned ? turned(grid) : grid;
  const made = [first, Array(first.length).fill("---"), ...rest]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");
  return shown.flat().includes("not run") ? `${NOT_RUN}\n\n${made}` : made;
}

/**
 * @param {readonly (readonly string[])[]} grid
 * @returns {string[][]} the columns as rows
 */
function turned(grid) {
  return (grid[0] ?? []).map((_, column) => grid.map((row) => row[column] ?? ""));
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
 * What the page shows between the marks of `title`.
 *
 * @param {string} page
 * @param {string} title
 * @throws {Error} if the page has no such marks
 */
export function shownTable(page, title) {
  const { from, to } = placeOf(page, title);
  return page.slice(from, to).trim();
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
  const { from, to } = placeOf(page, title);
  return `${page.slice(0, from)}\n${table}\n${page.slice(to)}`;
}

/**
 * @param {string} page
 * @param {string} title
 */
function placeOf(page, title) {
  const [begin, end] = [`<!-- results ${title} -->\n`, `\n<!-- end of ${title} -->`];
  const start = page.indexOf(begin);
  const to = page.indexOf(end, start);
  if (start === -1 || to === -1) throw new Error(`The page has no marks for the table "${title}".`);
  return { from: start + begin.length, to };
}

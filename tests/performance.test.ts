/** docs/performance.md, the summary, has the medians and the targets of docs/benchmarks.md. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

const docs = join(import.meta.dirname, "..", "docs");
const [summary, benchmarks] = await Promise.all(
  ["performance.md", "benchmarks.md"].map((page) => readFile(join(docs, page), "utf8")),
);

/** The cells of the rows of all tables of a page. */
function rowsOf(page = ""): string[][] {
  return page
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map((cells) => cells.slice(1, -1));
}

/** The figure behind each row of the summary, in order. */
const figures = [
  "wsCpuRatio",
  "broadcastCpuRatio",
  "wsHeapBytes",
  "uwsCpuRatio",
  "uwsAsyncCpuRatio",
  "uwsHeapBytes",
  "resumeP50VsSocketio",
  "replayP50VsSocketio",
  "sendVsSocketio",
  "transactionsVsSocketio",
  "clientBytes",
  "deployLost",
  "vsConnectRedis",
  "redisBytes",
  "mapHeapBytes",
];

const rows = rowsOf(summary).filter((cells) => cells.length === 5 && !/^what|^-/.test(cells[1] ?? ""));
const numberIn = (cell = "") => /\d[\d,]*\d(?:\.\d+)?|\d(?:\.\d+)?/.exec(cell)?.[0];

test("the summary has one row for each of these figures", () => {
  expect(rows.map(([, what]) => what)).toHaveLength(figures.length);
});

test.each(figures.map((figure, index) => [figure, rows[index] ?? []] as const))(
  "%s: the summary has its median and its target",
  (figure, [, , value, target]) => {
    const measured = rowsOf(benchmarks).find(([name]) => new RegExp(`^\`${figure}\``).test(name ?? ""));
    expect(measured).toBeDefined();
    expect(numberIn(value)).toBeDefined();
    expect(numberIn(target)).toBeDefined();
    expect(numberIn(value)).toBe(numberIn(measured?.[2]));
    expect(numberIn(target)).toBe(numberIn(measured?.[1]));
  },
);

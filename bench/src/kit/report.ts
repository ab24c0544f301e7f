import { parseArgs } from "node:util";
import { isWorthless } from "./stats.ts";
import type { Estimate } from "./stats.ts";

export interface Options {
  /** Runs for seconds instead of minutes. That only shows that the benchmark works. */
  readonly quick: boolean;
  readonly json: boolean;
  /** Scales the number of rounds. */
  readonly rounds: number;
  /** The names of the figures to measure; all if empty. */
  readonly only: readonly string[];
}

export function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      rounds: { type: "string", default: "1" },
      only: { type: "string", multiple: true, default: [] },
    },
  });
  return { ...values, rounds: Number(values.rounds) };
}

/** One figure of the table, and one field of the JSON line. */
export interface Figure {
  readonly field: string;
  readonly what: string;
  readonly value: Estimate;
  readonly target?: { readonly atMost: number } | { readonly atLeast: number };
  readonly digits?: number;
  /**
   * The widest useful interval, as an absolute width instead of a fraction of the median, which makes no
   * sense near 0.
   */
  readonly worthlessOver?: number;
}

export function single(value: number): Estimate {
  return { median: value, low: value, high: value, rounds: 1 };
}

/** Prints a table and, with `--json`, one JSON object as the last line. */
export function report(title: string, figures: readonly Figure[], options: Options): void {
  const rows = figures.map((figure) => [
    figure.field,
    format(figure.value.median, figure),
    figure.value.rounds === 1
      ? ""
      : `${format(figure.value.low, figure)} – ${format(figure.value.high, figure)}`,
    targetOf(figure),
    verdict(figure),
    figure.what,
  ]);
  printTable(title, ["field", "median", "95 % interval", "target", "", "what"], rows);
  if (!options.json) return;
  const fields = Object.fromEntries(figures.map(({ field, value }) => [field, value.median]));
  const spread = Object.fromEntries(figures.map(({ field, value }) => [field, [value.low, value.high]]));
  const worthless = figures.filter(isVague).map(({ field }) => field);
  process.stdout.write(`${JSON.stringify({ ...fields, spread, worthless, quick: options.quick })}\n`);
}

function isVague(figure: Figure): boolean {
  const { value, worthlessOver } = figure;
  return worthlessOver === undefined ? isWorthless(value) : !(value.high - value.low <= worthlessOver);
}

function verdict(figure: Figure): string {
  if (isVague(figure)) return "worthless: spread too wide";
  const { target, value } = figure;
  if (target === undefined) return "";
  const reached = "atMost" in target ? value.median <= target.atMost : value.median >= target.atLeast;
  return reached ? "reached" : "NOT reached";
}

function targetOf({ target }: Figure): string {
  if (target === undefined) return "–";
  return "atMost" in target ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`;
}

function format(value: number, { digits = 3 }: Figure): string {
  return value.toFixed(digits);
}

export function printTable(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  process.stdout.write(`\n${title}\n\n${[line(head), rule, ...rows.map(line)].join("\n")}\n`);
}

/** Prints progress to standard error. */
export function progress(text: string): void {
  process.stderr.write(`  ${text}\n`);
}

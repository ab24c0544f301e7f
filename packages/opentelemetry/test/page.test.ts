/** The table of metrics in docs/telemetry.md, the alert rules and the dashboard, compared with what is really exported. */
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { beforeAll, describe, expect, test } from "vitest";
import { codesIn } from "../../../tests/codes-in.ts";
import { collectExported } from "./exported.ts";
import type { Exported, ExportedMetric } from "./exported.ts";

const grafana = join(import.meta.dirname, "../grafana");
let exported: Exported;

beforeAll(async () => {
  exported = await collectExported();
});

/** Labels of a metric that are not attributes: those of Prometheus, of a histogram, and of the scope. */
const OTHER_LABELS = new Set(["instance", "job", "le"]);

/** `wsession.a.b`, `.c` means `wsession.a.c`. */
function namesIn(cell: string): string[] {
  const [first = "", ...others] = codesIn(cell);
  const stem = first.slice(0, first.lastIndexOf("."));
  return [first, ...others.map((name) => (name.startsWith(".") ? `${stem}${name}` : name))];
}

/** Reads a cell such as "`a`: `x`, `y`" or "`a`, `b` (a note)": the attributes, with the values if the page lists them. */
function attributesIn(cell: string): Record<string, string[]> {
  const [names = "", values = ""] = cell.replaceAll(/\([^)]*\)/g, "").split(": ");
  return Object.fromEntries(codesIn(names).map((name) => [name, codesIn(values)]));
}

async function documentedMetrics(): Promise<ExportedMetric[]> {
  const page = await readFile(join(import.meta.dirname, "../../../docs/telemetry.md"), "utf8");
  const table = page.split("\n\n").find((part) => part.startsWith("| metric |")) ?? "";
  const rows = table.split("\n").slice(2);
  return rows.flatMap((row) => {
    const [names = "", what = "", attributes = ""] = row.slice(1, -1).split(" | ");
    const [, type = "", unit = ""] =
      /^(counter|up-down counter|gauge|histogram)s?(?:, (s)\b)?/.exec(what.trim()) ?? [];
    return namesIn(names).map((name) => ({
      name,
      type: type as ExportedMetric["type"],
      unit,
      attributes: attributesIn(attributes),
    }));
  });
}

describe("the table of metrics in docs/telemetry.md", () => {
  test("has each metric that is exported, and no other", async () => {
    const documented = (await documentedMetrics()).map(({ name }) => name);
    expect(documented.length).toBeGreaterThan(40);
    expect(documented.toSorted()).toEqual(exported.metrics.map(({ name }) => name).toSorted());
  });

  test("has the type, the unit and the attributes of each metric", async () => {
    const found = new Map(exported.metrics.map((metric) => [metric.name, metric]));
    for (const { name, type, unit, attributes } of await documentedMetrics()) {
      const real = found.get(name)!;
      expect([name, real.type]).toEqual([name, type]);
      // The page gives units of measurement. An annotation such as {call} says what is counted.
      expect([name, real.unit.replace(/^\{\w+\}$/, "")]).toEqual([name, unit]);
      expect([name, Object.keys(real.attributes).toSorted()]).toEqual([
        name,
        Object.keys(attributes).toSorted(),
      ]);
      for (const [attribute, values] of Object.entries(attributes))
        if (values.length > 0) expect([name, real.attributes[attribute]]).toEqual([name, values]);
    }
  });
});

interface Selector {
  readonly metric: string;
  readonly labels: readonly string[];
}

/** The metrics that an expression reads, each with the labels that it selects or groups by. */
function selectorsIn(expression: string): Selector[] {
  const grouped = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) =>
    list.split(/,\s*/),
  );
  return [...expression.matchAll(/\b((?:wsession|nodejs)_\w+)(?:\{([^}]*)\})?(?![\w"=]| *=~?")/g)]
    .filter(([, name = ""]) => !grouped.includes(name))
    .map(([, metric = "", selection = ""]) => {
      const selected = [...selection.matchAll(/(\w+)\s*=/g)].map(([, label = ""]) => label);
      return { metric, labels: [...selected, ...grouped].filter((label) => !OTHER_LABELS.has(label)) };
    });
}

/** The labels of each metric of the scrape. */
function scrapedLabels(): Map<string, Set<string>> {
  const labels = new Map<string, Set<string>>();
  for (const [, name = "", list = ""] of exported.text.matchAll(/^(\w+)\{(.*)\} \S+$/gm)) {
    const own = labels.get(name) ?? new Set();
    for (const [, label = ""] of list.matchAll(/(\w+)="/g)) own.add(label);
    labels.set(name, own);
  }
  return labels;
}

/** What an expression reads and the scrape does not have. */
function missingIn(expressions: readonly string[]): string[] {
  const scraped = scrapedLabels();
  return expressions.flatMap(selectorsIn).flatMap(({ metric, labels }) => {
    const own = scraped.get(metric);
    if (own === undefined) return [metric];
    return labels.filter((label) => !own.has(label)).map((label) => `${metric}{${label}}`);
  });
}

/** The expressions of the rules. A rule's expression may span several lines. */
async function alertExpressions(): Promise<string[]> {
  const text = await readFile(join(grafana, "alerts.yml"), "utf8");
  const found = text.matchAll(/^ +expr: (?:>-\n)?(.*?)(?=^ +(?:for|labels):)/gms);
  return [...found].map(([, expression = ""]) => expression.replaceAll(/\s+/g, " "));
}

async function dashboardExpressions(): Promise<string[]> {
  const text = await readFile(join(grafana, "dashboard.json"), "utf8");
  const found: string[] = [];
  JSON.parse(text, (key, value: unknown) => {
    if (key === "expr" && typeof value === "string") found.push(value.replaceAll("$__rate_interval", "5m"));
    const query = /^label_values\((.*), \w+\)$/.exec(key === "query" ? String(value) : "");
    if (query !== null) found.push(query[1] ?? "");
    return value;
  });
  return found;
}

describe("each metric that is named exists in the scrape with these labels", () => {
  test("in the alert rules", async () => {
    const expressions = await alertExpressions();
    const rules = (await readFile(join(grafana, "alerts.yml"), "utf8")).match(/- alert:/g);
    expect(expressions).toHaveLength(rules?.length ?? 0);
    expect(expressions.filter((expression) => selectorsIn(expression).length === 0)).toEqual([]);
    expect(missingIn(expressions)).toEqual([]);
  });

  test("in the dashboard", async () => {
    const expressions = await dashboardExpressions();
    expect(expressions.length).toBeGreaterThan(25);
    expect(expressions.filter((expression) => selectorsIn(expression).length === 0)).toEqual([]);
    expect(missingIn(expressions)).toEqual([]);
  });

  test("in the series of alerts.test.yml", async () => {
    const text = await readFile(join(grafana, "alerts.test.yml"), "utf8");
    const series = [...text.matchAll(/series:\s*'([^']+)'/g)].map(([, one = ""]) => one);
    expect(series.length).toBeGreaterThan(10);
    expect(missingIn(series)).toEqual([]);
  });

  test("and one that does not exist is found", () => {
    expect(
      missingIn([
        'sum by (instance) (rate(wsession_handshakes_total{wsession_outcome="refused"}[5m]))',
        'sum by (wsession_colour) (rate(wsession_handshakes_total{wsession_shape="x"}[5m])) > 0',
        "wsession_planted == 0",
      ]),
    ).toEqual([
      "wsession_handshakes_total{wsession_shape}",
      "wsession_handshakes_total{wsession_colour}",
      "wsession_planted",
    ]);
  });
});

const promtool = process.env["WSESSION_PROMTOOL"] ?? "promtool";
const hasPromtool = spawnSync(promtool, ["--version"]).status === 0;

// `npm run test:alerts` installs promtool. Here it is used where it is, because its package needs 100 MB.
test.skipIf(!hasPromtool)("each alert fires for its cause and for nothing else, as promtool says", () => {
  for (const args of [
    ["check", "rules", "alerts.yml"],
    ["test", "rules", "alerts.test.yml"],
  ]) {
    const { status, stdout, stderr } = spawnSync(promtool, args, { cwd: grafana, encoding: "utf8" });
    expect([status, status === 0 ? "" : `${stdout}${stderr}`]).toEqual([0, ""]);
  }
});

/** The table of channels in docs/telemetry.md, compared with core's types and with what is published. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "@wsession/conformance";
import { onTelemetry } from "@wsession/core";
import type { TelemetryEvents } from "@wsession/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { codesIn } from "../codes-in.ts";
import { membersOf, source } from "../members.ts";
import { runExchange } from "./exchange.ts";

const TYPES = "core/src/base/telemetry-events.ts";

interface Row {
  readonly channel: string;
  readonly isOperation: boolean;
  readonly fields: readonly string[];
  /** The values that the page lists for a field. */
  readonly values: Readonly<Record<string, readonly string[]>>;
}

const page = await readFile(join(import.meta.dirname, "../../docs/telemetry.md"), "utf8");
const types = await source(TYPES);

/** The rows of the table whose heading begins with `first`, split into cells. */
function tableOf(first: string): string[][] {
  const table = page.split("\n\n").find((part) => part.startsWith(`| ${first} |`)) ?? "";
  const rows = table.split("\n").slice(2);
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

/** Reads a cell such as "`a`, `b` (a note); `c`: a text; `d`: `x`, `y`". */
function readFields(cell: string): Pick<Row, "fields" | "values"> {
  const fields: string[] = [];
  const values: Record<string, string[]> = {};
  for (const clause of cell.replaceAll(/\([^)]*\)/g, "").split(";")) {
    const [names = "", ...meaning] = clause.split(":");
    const listed = codesIn(names);
    fields.push(...listed);
    const last = listed.at(-1);
    if (last !== undefined) values[last] = codesIn(meaning.join(":").split(". ")[0] ?? "");
  }
  return { fields, values };
}

const documented: readonly Row[] = tableOf("channel").map(([name = "", published = "", fields = ""]) => ({
  channel: codesIn(name)[0] ?? "",
  isOperation: published.startsWith("operation"),
  ...readFields(fields),
}));
const ofOperation = tableOf("field").map(([name = ""]) => codesIn(name)[0]);

/** The channels of `TelemetryEvents`, with the type of each payload. */
const declared = [...types.matchAll(/^ {2}readonly "(wsession:[\w:]+)": (\w+);/gm)].map(
  ([, channel = "", type = ""]) => ({ channel, type }),
);

/** Which outcomes an operation has; `undefined` for an event without a duration. */
function outcomesOf(type: string): string[] | undefined {
  const [, union] = new RegExp(`interface ${type} extends Ended<([^>]+)>`).exec(types) ?? [];
  if (union === undefined) return undefined;
  const [, alias] = new RegExp(`type ${union} =([^;]+);`).exec(types) ?? [];
  return stringsIn(alias ?? union);
}

function stringsIn(union: string): string[] {
  return [...union.matchAll(/"([^"]+)"/g)].map(([, value = ""]) => value);
}

/** The values of each member whose type is a union of strings. */
function unionsOf(type: string): Record<string, string[]> {
  const [, body = ""] = new RegExp(`interface ${type}\\b[^{]*{\n(.*?)^}`, "ms").exec(types) ?? [];
  const unions = [...body.matchAll(/readonly (\w+): ("[^;]+);/g)];
  return Object.fromEntries(unions.map(([, name = "", union = ""]) => [name, stringsIn(union)]));
}

describe("the table of channels in docs/telemetry.md", () => {
  test("has the channels of core, each once, and onTelemetry takes each", () => {
    expect(declared.length).toBeGreaterThan(8);
    expect(documented.map(({ channel }) => channel).toSorted()).toEqual(
      declared.map(({ channel }) => channel).toSorted(),
    );
    for (const { channel } of documented) onTelemetry(channel as keyof TelemetryEvents, () => {})();
  });

  test.each(declared)(
    "has each member of the payload of $channel, and its values",
    async ({ channel, type }) => {
      const row = documented.find((one) => one.channel === channel)!;
      const outcomes = outcomesOf(type);
      expect(row.isOperation).toBe(outcomes !== undefined);
      const own = [...(await membersOf(TYPES, type)), ...(outcomes === undefined ? [] : ["outcome"])];
      expect([...row.fields].toSorted()).toEqual(own.toSorted());
      const unions = { ...unionsOf(type), ...(outcomes !== undefined && { outcome: outcomes }) };
      for (const [name, values] of Object.entries(unions)) {
        // A row that gives no values says "as `CloseInfo`", or gives them where it says when the event is published.
        const given = row.values[name] ?? [];
        if (given.length > 0 && given[0] !== "CloseInfo") expect([name, given]).toEqual([name, values]);
        else expect(name).not.toBe("outcome");
      }
    },
  );

  test("has the fields that every operation has", () => {
    // `Ended` is not exported, so `membersOf` does not find it.
    const [, body = ""] = /^interface Ended<.*?{\n(.*?)^}/ms.exec(types) ?? [];
    const members = [...body.matchAll(/^ {2}readonly (\w+):/gm)].map(([, name = ""]) => name);
    expect(members).toContain("outcome");
    expect(ofOperation).toEqual(members);
  });

  test("has each field that is really published", async () => {
    const published = new Map<string, Set<string>>();
    for (const { channel } of documented)
      onTestFinished(
        onTelemetry(channel as keyof TelemetryEvents, (event) => {
          const keys = published.get(channel) ?? new Set();
          for (const key of Object.keys(event)) keys.add(key);
          published.set(channel, keys);
        }),
      );
    await runExchange("ws", "map", 0);
    await until(() => published.has("wsession:connection:close"));
    expect(published.size).toBeGreaterThan(8);
    for (const [channel, keys] of published) {
      const row = documented.find((one) => one.channel === channel)!;
      const fields = new Set([...row.fields, ...(row.isOperation ? ofOperation : [])]);
      expect([channel, keys]).toEqual([channel, fields]);
    }
  });
});

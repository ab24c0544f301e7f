import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isSessionError } from "@wsession/core";
import { expect } from "vitest";

/** A value of every kind, as a program without types may pass it. */
const ANYTHING: readonly unknown[] = [
  null,
  "",
  "1000",
  "false",
  0,
  -1,
  1,
  NaN,
  10n,
  true,
  false,
  Symbol("symbol"),
  () => 1,
  class {
    n = 1;
  },
  [],
  [1],
  {},
  Object.create(null),
  new (class {
    n = 1;
  })(),
  new String("1000"),
  new Number(1000),
  new Boolean(true),
  new Map(),
  new Date(0),
  Promise.resolve({}),
];

const isOptions = (value: unknown): boolean =>
  Object.prototype.toString.call(value) === "[object Object]" && value !== null && typeof value === "object";

/** The wrong values for each kind of parameter. `undefined`, as for a parameter that is left out, is not among them. */
export const wrongFor = {
  duration: ANYTHING.filter((value) => value !== 1),
  durationOrNever: ANYTHING.filter((value) => value !== 1 && value !== 0),
  count: ANYTHING.filter((value) => value !== 1),
  boolean: ANYTHING.filter((value) => typeof value !== "boolean"),
  callback: ANYTHING.filter((value) => typeof value !== "function"),
  string: ANYTHING.filter((value) => typeof value !== "string"),
  text: ANYTHING.filter((value) => typeof value !== "string" || value === ""),
  /** The name of a user. An encoder of UTF-8 replaces each lone surrogate by the same character (U+FFFD). */
  subject: [...ANYTHING.filter((value) => typeof value !== "string" || value === ""), "ada\uD800"],
  iterable: ANYTHING.filter((value) => !Array.isArray(value) && !(value instanceof Map)),
  /** One of a few words, none of which is among these. */
  word: ANYTHING,
  /** An object with methods or parts of its own. */
  object: ANYTHING,
  options: [...ANYTHING.filter((value) => !isOptions(value)), { unknownOption: 1 }],
  /** Arguments after the last parameter. */
  surplus: [{}, { idleMs: 1 }, [], () => 1, new Map()],
  /** For a function without parameters. */
  any: ANYTHING,
} satisfies Record<string, readonly unknown[]>;

/** Values that are no time in the future, in milliseconds since the epoch. */
export const wrongTimes: readonly unknown[] = [...ANYTHING, Date.now() - 1, -Infinity, "9999999999999"];

/** Calls the function, which has to throw INVALID_ARGUMENT, also where it returns a promise otherwise. */
export function expectRefused(what: string, call: () => unknown): void {
  let returned: unknown;
  try {
    returned = call();
  } catch (error) {
    if (!isSessionError(error, "INVALID_ARGUMENT"))
      throw new Error(`${what}: threw something else`, { cause: error });
    // It names what is wrong, and shows nothing that may be a secret.
    expect(error.message.length).toBeGreaterThan(10);
    return;
  }
  // The function returned a promise instead. Its rejection must not end the test run.
  void Promise.resolve(returned).catch(() => undefined);
  expect.fail(`${what}: accepted`);
}

export function show(value: unknown): string {
  if (typeof value === "object" && value !== null) return Object.prototype.toString.call(value);
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** The members of an interface, as its source lists them. */
export async function membersOf(file: string, type: string): Promise<string[]> {
  const text = await readFile(join(import.meta.dirname, "..", "packages", file), "utf8");
  const [, body = ""] = new RegExp(`^export interface ${type}\\b.*?{\n(.*?)^}`, "ms").exec(text) ?? [];
  const members = [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(<]/gm)].map(([, name = ""]) => name);
  if (members.length === 0) throw new Error(`${file} has no interface ${type}`);
  return members;
}

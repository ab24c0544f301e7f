// The size of each entry, minified and compressed, against its budget in size-budgets.json. A budget is about 3 % above the size that
// was measured when the budget was last changed: raise a budget only with a reason in the commit. An entry that got much smaller needs a
// smaller budget, because otherwise it may grow again unnoticed.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

/** @import { Entry } from "./packages.mjs" */

/** The most that a budget may be above the size. */
const SLACK = 1.1;
// Test runners load the suites of conformance; no page loads its bytes.
const WITHOUT_BUDGET = new Set(["@wsession/conformance"]);

export const budgets = readBudgets(join(import.meta.dirname, "size-budgets.json"));

/**
 * @param {string} file
 * @returns {Readonly<Record<string, number>>}
 */
function readBudgets(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

/**
 * The bytes of a module with all its exports and the package's own files: minified, then compressed by gzip. Other packages are left
 * out, because each has a budget of its own.
 *
 * @param {string} file
 * @returns {Promise<number>}
 */
export async function sizeOf(file) {
  const bundle = await rolldown({ input: file, platform: "node", external: (id) => !/^[./]/.test(id) });
  try {
    const { output } = await bundle.generate({ format: "esm", minify: true });
    return output.reduce(
      (sum, chunk) => sum + (chunk.type === "chunk" ? gzipSync(chunk.code, { level: 9 }).byteLength : 0),
      0,
    );
  } finally {
    await bundle.close();
  }
}

/**
 * Resolves with what is wrong, one sentence for each entry.
 *
 * @param {readonly Entry[]} entries
 * @param {Readonly<Record<string, number>>} [limits]
 * @returns {Promise<string[]>}
 */
export async function checkSizes(entries, limits = budgets) {
  const sentences = await Promise.all(
    entries
      .filter(({ name }) => !WITHOUT_BUDGET.has(name))
      .map(async ({ name, folder, module }) => {
        const limit = limits[name];
        if (limit === undefined) return `${name} has no budget in scripts/size-budgets.json`;
        const bytes = await sizeOf(join(folder, module));
        const found = `${name} has ${bytes} bytes, minified and compressed; its budget in scripts/size-budgets.json is ${limit}`;
        if (bytes > limit) return found;
        return bytes * SLACK < limit ? `${found}, which is more than 10 % above` : undefined;
      }),
  );
  return sentences.filter((sentence) => sentence !== undefined);
}

// Bundles what the page imports from packages, into dist/page.
import { copyFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { rolldown } from "rolldown";

const folder = import.meta.dirname;
const out = join(folder, "..", "dist", "page");
mkdirSync(out, { recursive: true });

for (const name of ["client.js", "chart.js"]) {
  const bundle = await rolldown({ input: join(folder, name), platform: "browser" });
  await bundle.write({ file: join(out, name), format: "esm" });
  await bundle.close();
}
const uplot = dirname(createRequire(import.meta.url).resolve("uplot/package.json"));
copyFileSync(join(uplot, "dist", "uPlot.min.css"), join(out, "uplot.css"));

// Bundles the server, the page and the tests into dist. With --watch, each change bundles again and restarts the server.
import { spawn } from "node:child_process";
import { cp } from "node:fs/promises";
import process from "node:process";
import { context } from "esbuild";

const watch = process.argv.includes("--watch");
const common = { bundle: true, format: "esm", sourcemap: true, outdir: "dist", logLevel: "warning" };

await cp("public", "dist/public", { recursive: true });
const contexts = await Promise.all([
  context({
    ...common,
    entryPoints: { "public/page": "src/page.ts" },
    platform: "browser",
    minify: !watch,
  }),
  context({
    ...common,
    entryPoints: {
      main: "src/main.ts",
      "application.test": "test/application.test.ts",
      "requests.test": "test/requests.test.ts",
    },
    platform: "node",
    packages: "external",
  }),
]);
if (watch) {
  await Promise.all(contexts.map((one) => one.rebuild()));
  await Promise.all(contexts.map((one) => one.watch()));
  const server = spawn(process.execPath, ["--watch", "dist/main.js"], { stdio: "inherit" });
  server.once("exit", (code) => process.exit(code ?? 1));
} else {
  await Promise.all(contexts.map((one) => one.rebuild()));
  await Promise.all(contexts.map((one) => one.dispose()));
}

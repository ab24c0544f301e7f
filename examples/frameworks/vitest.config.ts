import { defineConfig } from "vitest/config";

export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    testTimeout: 30_000,
    // What Next.js prints in development, also with `quiet`; the warning is about Node 20.
    onConsoleLog: (log) => !/Running next\.config|ArrayBuffer\.prototype\.detached|^ GET \//.test(log),
    // Node runs the built packages, as for users. Vite does not transform them.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
  },
});

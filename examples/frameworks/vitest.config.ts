import { defineConfig } from "vitest/config";

export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    testTimeout: 30_000,
    // The packages are run by Node as users run them: built, and not rewritten by vite on the way.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
  },
});

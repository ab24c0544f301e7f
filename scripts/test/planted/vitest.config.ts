import { defineConfig } from "vitest/config";

// Not tests of this project: quiet.test.ts runs them, and looks at what becomes of them.
export default defineConfig({ test: { include: ["*.planted.ts"], pool: "forks" } });

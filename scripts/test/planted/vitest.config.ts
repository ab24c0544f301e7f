import { defineConfig } from "vitest/config";

// Not tests of this project: quiet.test.ts runs them, and checks their output.
export default defineConfig({ test: { include: ["*.planted.ts"], pool: "forks" } });

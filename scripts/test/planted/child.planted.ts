import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

test("starts a process that prints", () => {
  const script = "console.log('printed by a child'); console.error('complained of by a child')";
  expect(spawnSync(process.execPath, ["-e", script], { stdio: "inherit" }).status).toBe(0);
});

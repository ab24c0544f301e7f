import { expect, test } from "vitest";

test("writes to the stream itself", () => {
  process.stderr.write("written by a test\n");
  expect(1).toBe(1);
});

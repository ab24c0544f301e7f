import { expect, test } from "vitest";

test("says nothing", () => {
  expect(1).toBe(1);
});

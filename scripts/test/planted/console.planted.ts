import { describe, expect, test } from "vitest";

describe("a suite", () => {
  test("prints", () => {
    console.log("printed by a test");
    expect(1).toBe(1);
  });
});

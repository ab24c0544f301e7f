import { expect, test } from "vitest";
import { Flow } from "../src/connection/flow.ts";

test("I1 no two states of a connection share a bit: clearing or setting one must not hold back messages for ever", () => {
  const bits = Object.values(Flow).filter((bit) => bit !== Flow.Ready);
  expect(new Set(bits).size).toBe(bits.length);
  for (const bit of bits) expect(Number.isInteger(Math.log2(bit))).toBe(true);
});

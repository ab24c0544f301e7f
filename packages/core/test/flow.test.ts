import { expect, test } from "vitest";
import { Flow } from "../src/connection/flow.ts";

test("I1 each state of a connection has its own bit, because otherwise clearing one could hold back messages for ever", () => {
  const bits = Object.values(Flow).filter((bit) => bit !== Flow.Ready);
  expect(new Set(bits).size).toBe(bits.length);
  for (const bit of bits) expect(Number.isInteger(Math.log2(bit))).toBe(true);
});

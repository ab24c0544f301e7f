import { expect, test } from "vitest";
import { difference, estimate, isWorthless, quantile, ratio } from "../dist/kit/stats.js";

test("a ratio is taken pair by pair, so that a machine that slows down changes nothing", () => {
  expect(ratio([2, 4, 8], [1, 2, 4])).toMatchObject({ median: 2, low: 2, high: 2, rounds: 3 });
  expect(difference([5, 7], [1, 3]).median).toBe(4);
});

test("an outlier moves neither the median nor its interval", () => {
  const steady = Array.from({ length: 99 }, (_, index) => 1 + index / 10_000);
  const { median, low, high } = estimate([...steady, 1_000]);
  expect(median).toBeCloseTo(1.005, 2);
  expect(high - low).toBeLessThan(0.01);
});

test("a wide spread makes a figure worthless, and so does a value that is not a number", () => {
  expect(isWorthless(estimate([1, 1.01, 1.02]))).toBe(false);
  expect(isWorthless(estimate([0.5, 1, 1.5]))).toBe(true);
  expect(isWorthless(estimate([]))).toBe(true);
});

test("a quantile lies between its neighbours", () => {
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
  expect(quantile([1], 0.99)).toBe(1);
});

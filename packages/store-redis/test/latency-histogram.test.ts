import { expect, test } from "vitest";
import { LatencyHistogram } from "../src/base/latency-histogram.ts";

function histogramOf(values: Iterable<number>): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

test("a percentile is 0 without values", () => {
  expect(new LatencyHistogram().percentile(0.99)).toBe(0);
});

test("a percentile is at most 7 % or 0.01 ms from the exact one, from microseconds to a minute", () => {
  for (let ms = 0.001; ms < 60_000; ms *= 1.13) {
    const found = histogramOf([ms]).percentile(0.5);
    expect(Math.abs(found - ms)).toBeLessThanOrEqual(Math.max(0.01, 0.07 * ms));
  }
  const thousand = histogramOf(Array.from({ length: 1_000 }, (_, index) => index + 1));
  expect(Math.abs(thousand.percentile(0.5) - 500)).toBeLessThan(35);
  expect(Math.abs(thousand.percentile(0.99) - 990)).toBeLessThan(70);
});

test("values outside the range count in the first and the last bucket", () => {
  expect(histogramOf([-1]).percentile(1)).toBeLessThan(0.01);
  expect(histogramOf([Number.MAX_VALUE, Infinity]).percentile(1)).toBeGreaterThan(60_000);
});

test("old values lose their weight", () => {
  const histogram = histogramOf(Array.from({ length: 30_000 }, () => 1_000));
  for (let count = 0; count < 60_000; count += 1) histogram.record(1);
  expect(histogram.percentile(0.5)).toBeLessThan(2);
  expect(histogram.percentile(0.99)).toBeGreaterThan(900);
  for (let count = 0; count < 200_000; count += 1) histogram.record(1);
  expect(histogram.percentile(0.99)).toBeLessThan(2);
});

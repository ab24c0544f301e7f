/** A median with its 95 % confidence interval. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
}

/** If the interval is wider than this fraction of the median, the machine was not quiet, and the figure is worthless. */
const WORTHLESS = 0.1;

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** A quantile, interpolated between the two nearest ranks. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? below;
  return below + (above - below) * (at - Math.floor(at));
}

/**
 * The median and its confidence interval from order statistics (binomial), so that outliers do not widen it.
 */
export function estimate(values: readonly number[]): Estimate {
  const half = Math.min(0.5, 0.98 / Math.sqrt(Math.max(1, values.length)));
  return {
    median: median(values),
    low: quantile(values, 0.5 - half),
    high: quantile(values, 0.5 + half),
    rounds: values.length,
  };
}

/**
 * The ratio of subject to control, pair by pair. A change of the machine's speed affects both values of a
 * pair.
 */
export function ratio(subject: readonly number[], control: readonly number[]): Estimate {
  return estimate(subject.map((value, index) => value / (control[index] ?? Number.NaN)));
}

/** The difference between subject and control, pair by pair. */
export function difference(subject: readonly number[], control: readonly number[]): Estimate {
  return estimate(subject.map((value, index) => value - (control[index] ?? Number.NaN)));
}

export function isWorthless({ median: middle, low, high }: Estimate): boolean {
  return !(high - low <= WORTHLESS * Math.abs(middle));
}

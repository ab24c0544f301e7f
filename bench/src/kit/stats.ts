/** A figure with the interval in which its median lies in 95 of 100 such runs. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
}

/** The interval is wider than this part of the median: the run says nothing. */
const WORTHLESS = 0.1;

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Between the two nearest ranks, in proportion. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? below;
  return below + (above - below) * (at - Math.floor(at));
}

/** The interval comes from the order of the values (binomial), so that no outlier widens it. */
export function estimate(values: readonly number[]): Estimate {
  const half = Math.min(0.5, 0.98 / Math.sqrt(Math.max(1, values.length)));
  return {
    median: median(values),
    low: quantile(values, 0.5 - half),
    high: quantile(values, 0.5 + half),
    rounds: values.length,
  };
}

/** Subject over control, pair by pair: a machine that changes its speed changes both of a pair. */
export function ratio(subject: readonly number[], control: readonly number[]): Estimate {
  return estimate(subject.map((value, index) => value / (control[index] ?? Number.NaN)));
}

/** Subject minus control, pair by pair. */
export function difference(subject: readonly number[], control: readonly number[]): Estimate {
  return estimate(subject.map((value, index) => value - (control[index] ?? Number.NaN)));
}

export function isWorthless({ median: middle, low, high }: Estimate): boolean {
  return !(high - low <= WORTHLESS * Math.abs(middle));
}

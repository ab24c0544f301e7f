/** Buckets for each doubling of the time: the middle of a bucket is at most 7 % from any value in it. */
const BUCKETS_PER_OCTAVE = 8;
const OCTAVES = 21;
/** Beyond this number of values each bucket is halved, so that old values lose their weight. */
const MAX_VALUES = 32_768;
/** Times are counted in units of 1/128 ms. The last bucket begins at 60 s. */
const UNITS_PER_MS = 128;

/** Durations in buckets of a fixed number. Recording one allocates nothing. */
export class LatencyHistogram {
  readonly #buckets = new Uint32Array(BUCKETS_PER_OCTAVE * OCTAVES);
  #count = 0;

  record(ms: number): void {
    const bucket = bucketOf(ms);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#count += 1;
    if (this.#count >= MAX_VALUES) this.#halve();
  }

  /** The time in milliseconds that a share of the values does not exceed; 0 without values. */
  percentile(share: number): number {
    let left = this.#count * share;
    if (left === 0) return 0;
    for (const [bucket, count] of this.#buckets.entries()) {
      left -= count;
      if (left <= 0 && count > 0) return middleOf(bucket);
    }
    return middleOf(this.#buckets.length - 1);
  }

  #halve(): void {
    let count = 0;
    for (const [bucket, values] of this.#buckets.entries()) count += this.#buckets[bucket] = values >> 1;
    this.#count = count;
  }
}

/** The first buckets have one unit each, because an octave below eight units has no eighths. */
function bucketOf(ms: number): number {
  const units = Math.min(ms * UNITS_PER_MS, 2 ** 30) | 0;
  if (units < BUCKETS_PER_OCTAVE) return Math.max(0, units);
  const octave = 28 - Math.clz32(units);
  const bucket = octave * BUCKETS_PER_OCTAVE + (units >> octave);
  return Math.min(bucket, BUCKETS_PER_OCTAVE * OCTAVES - 1);
}

function middleOf(bucket: number): number {
  const octave = Math.max(0, Math.floor(bucket / BUCKETS_PER_OCTAVE) - 1);
  const least = (bucket - octave * BUCKETS_PER_OCTAVE) * 2 ** octave;
  return (least + 2 ** octave / 2) / UNITS_PER_MS;
}

/** Numbers and times for people. */

const UNITS: readonly (readonly [ms: number, name: string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

/** A duration in its two largest units; "never" for `Infinity`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "never";
  let rest = Math.max(0, Math.round(ms));
  const parts: string[] = [];
  for (const [size, name] of UNITS) {
    const units = Math.floor(rest / size);
    if (units === 0) {
      if (parts.length > 0) break;
      continue;
    }
    parts.push(`${units} ${name}`);
    rest -= units * size;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? `${rest} ms` : parts.join(" ");
}

export function bytes(size: number): string {
  if (size < 1_024) return `${size} B`;
  const exponent = Math.min(4, Math.floor(Math.log2(size) / 10));
  return `${(size / 1_024 ** exponent).toFixed(1)} ${["KiB", "MiB", "GiB", "TiB"][exponent - 1] ?? ""}`;
}

/** A number with its noun in the singular or the plural. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString("en-US")} ${number === 1 ? noun : `${noun}s`}`;
}

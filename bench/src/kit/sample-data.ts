/** Typical session data: a few small fields. `large` adds a value of 200 bytes. */
export interface SampleData {
  readonly user: string;
  readonly visits: number;
  readonly cart: readonly number[];
  readonly note?: string;
}

export function sampleData(index: number, large: boolean): SampleData {
  const small: SampleData = { user: `user-${index}`, visits: index & 1023, cart: [1, 2, 3] };
  return large ? { ...small, note: "n".repeat(200) } : small;
}

/**
 * Measures both sides of a pair once in each round, and returns the values of each side. The sides alternate in being first, because the
 * side that is measured first may find another state of the machine.
 */
export async function measurePairs<Side>(
  pair: readonly [Side, Side],
  rounds: number,
  measure: (side: Side) => Promise<number>,
): Promise<readonly [number[], number[]]> {
  const values: readonly [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1)
    for (const index of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const))
      values[index].push(await measure(pair[index]));
  return values;
}

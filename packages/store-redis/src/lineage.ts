/** What a change adds to its session's lineage, at random: so that no two histories come to the same one. */
export function newMark(): number {
  return Math.floor(Math.random() * 2 ** 31);
}

/** The lineage of the version that a change makes, as next_lineage in prelude.lua makes it; `undefined`: not known. */
export function nextLineage(lineage: number | undefined, mark: number): number | undefined {
  return lineage === undefined ? undefined : (lineage * 69_069 + mark) % 2 ** 31;
}

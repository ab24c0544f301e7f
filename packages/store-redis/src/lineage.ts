/** A lineage that no other change makes, but by chance once in 2³¹: what a change makes of the version that its author knows. */
export function newLineage(): number {
  return Math.trunc(Math.random() * 2 ** 31);
}

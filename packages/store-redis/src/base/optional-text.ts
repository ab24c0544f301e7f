/** A part of a reply or of a message that may be absent: `undefined` unless it is a string. */
export function optionalText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

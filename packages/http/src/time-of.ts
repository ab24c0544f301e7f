/** The time of a stored date, in milliseconds. A database may give the date as a text. NaN for a value that is no date. */
export function timeOf(date: unknown): number {
  return date instanceof Date ? date.getTime() : Date.parse(String(date));
}

/** A stream that the command writes to: the part of `process.stdout` and `process.stderr` that is used. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  hasColors?(): boolean;
}

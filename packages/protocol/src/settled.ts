import { readBase36 } from "./chain.ts";
import { WINDOW_MESSAGES } from "./limits.ts";

const TEXT = /^[0-9a-z]{1,10}$/;

/**
 * Reads the refused numbers from a bit set of 48 bits in base 36. Bit i stands for the number `settled - i`. Throws ProtocolError.
 */
export function readRefused(text: unknown, settled: number): number[] {
  const bits = readBase36(text, TEXT, 2 ** WINDOW_MESSAGES - 1, "refused");
  const numbers: number[] = [];
  // JavaScript's shift operators work on 32 bits only.
  for (let number = settled, rest = bits; rest > 0 && number > 0; number -= 1, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) numbers.unshift(number);
  }
  return numbers;
}

/** Writes the refused numbers as a bit set. Numbers outside the 48 numbers up to `settled` are left out. */
export function writeRefused(numbers: readonly number[], settled: number): string {
  let bits = 0;
  for (const number of new Set(numbers)) {
    const index = settled - number;
    if (number > 0 && index >= 0 && index < WINDOW_MESSAGES) bits += 2 ** index;
  }
  return bits.toString(36);
}

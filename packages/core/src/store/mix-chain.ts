import { mixChain as mix } from "@wsession/protocol";
import type { Chain } from "@wsession/protocol";
import { shown } from "../base/arguments.ts";
import { invalidArgument } from "../base/errors.ts";

/**
 * For authors of stores: the chain of an outbox after one more message, `(chain * 69069 + mark) mod 2^31`.
 *
 * @throws INVALID_ARGUMENT unless both arguments are numbers of 31 bits.
 */
export function mixChain(chain: Chain, mark: number): Chain {
  assertBits("chain", chain);
  assertBits("mark", mark);
  return mix(chain, mark);
}

function assertBits(name: string, value: unknown): void {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value >= 2 ** 31)
    throw invalidArgument(`mixChain: ${name} must be a whole number of 31 bits, not ${shown(value)}`);
}

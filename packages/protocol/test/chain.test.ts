import { mixChain } from "@wsession/protocol";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

const chains = fc.integer({ min: 0, max: 2 ** 31 - 1 });

describe("I19 the chain after a message", () => {
  test("has 31 bits, and is exact: the numbers on the way are below 2^53", () => {
    fc.assert(
      fc.property(chains, chains, (chain, mark) => {
        const exact = (BigInt(chain) * 69_069n + BigInt(mark)) % 2n ** 31n;
        expect(mixChain(chain, mark)).toBe(Number(exact));
      }),
    );
  });

  test("differs after other messages, though the mark is the same: an append that is sent twice can't hide what it came after", () => {
    fc.assert(
      fc.property(chains, chains, chains, (one, other, mark) => {
        fc.pre(one !== other);
        expect(mixChain(one, mark)).not.toBe(mixChain(other, mark));
      }),
    );
  });
});

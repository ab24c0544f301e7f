import { mixChain } from "@wsession/protocol";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

const chains = fc.integer({ min: 0, max: 2 ** 31 - 1 });

describe("I19 the chain after a message", () => {
  test("has 31 bits, and its computation is exact because intermediate numbers are below 2^53", () => {
    fc.assert(
      fc.property(chains, chains, (chain, mark) => {
        const exact = (BigInt(chain) * 69_069n + BigInt(mark)) % 2n ** 31n;
        expect(mixChain(chain, mark)).toBe(Number(exact));
      }),
    );
  });

  test("differs after other messages even if the mark is the same, so a repeated append can't hide a lost message before it", () => {
    fc.assert(
      fc.property(chains, chains, chains, (one, other, mark) => {
        fc.pre(one !== other);
        expect(mixChain(one, mark)).not.toBe(mixChain(other, mark));
      }),
    );
  });
});

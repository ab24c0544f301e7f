import { malformed } from "./errors.ts";

/**
 * A chain is a number of 31 bits that stands for all messages of an outbox up to one of them: each append mixes a random number
 * in. Two outboxes that have other messages at one offset, since a failover lost some, have other chains there.
 */
export type Chain = number;

const DIGITS = 6;
const MAX_CHAIN = 2 ** 31 - 1;
const TEXT = /^[0-9a-z]{6}$/;

const FACTOR = 69_069;

/**
 * The chain after one more message: `(chain * 69069 + mark) mod 2^31`. `mark` is 31 random bits that were drawn for this message
 * alone. A chain that were drawn anew, and not mixed, would hide that an append which was sent twice came after other messages.
 */
export function mixChain(chain: Chain, mark: number): Chain {
  return (chain * FACTOR + mark) % (MAX_CHAIN + 1);
}

/** Six characters of base 36. */
export function writeChain(chain: Chain): string {
  return chain.toString(36).padStart(DIGITS, "0");
}

/** Throws ProtocolError unless `text` is six characters of base 36 for a number of 31 bits. */
export function readChain(text: unknown): Chain {
  const chain = typeof text === "string" && TEXT.test(text) ? Number.parseInt(text, 36) : Number.NaN;
  if (chain <= MAX_CHAIN) return chain;
  throw malformed("chain");
}

/** Four bytes, the most significant first, in front of a binary message. */
export function writeChainBytes(chain: Chain, into: Uint8Array, at: number): void {
  new DataView(into.buffer, into.byteOffset, into.byteLength).setUint32(at, chain);
}

export function readChainBytes(from: Uint8Array, at: number): Chain {
  const bytes = from.subarray(at, at + 4);
  const chain = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  if (bytes.length === 4 && chain <= MAX_CHAIN) return chain;
  throw malformed("chain");
}

/** A place in an outbox: the offset of a message, and the chain after it. */
export interface Position {
  readonly offset: number;
  readonly chain: Chain;
}

import { malformed } from "./errors.ts";

/**
 * A chain is a number of 31 bits that stands for all messages of an outbox up to an offset. Each append mixes a random number into
 * the chain. If a failover lost messages, two histories of an outbox have different messages, and different chains, at one offset.
 */
export type Chain = number;

const DIGITS = 6;
const MAX_CHAIN = 2 ** 31 - 1;
const TEXT = /^[0-9a-z]{6}$/;

const FACTOR = 69_069;

/**
 * The chain after one more message: `(chain * 69069 + mark) mod 2^31`. `mark` is 31 random bits for this message alone. The new
 * chain must depend on the old chain: otherwise an append that is sent twice after a failover would get the same chain in both
 * histories.
 */
export function mixChain(chain: Chain, mark: number): Chain {
  return (chain * FACTOR + mark) % (MAX_CHAIN + 1);
}

/** Writes a chain as six characters of base 36. */
export function writeChain(chain: Chain): string {
  return chain.toString(36).padStart(DIGITS, "0");
}

/** Reads a number of at most `most` from a text of `form`. Throws a ProtocolError with `name`. */
export function readBase36(text: unknown, form: RegExp, most: number, name: string): number {
  const number = typeof text === "string" && form.test(text) ? Number.parseInt(text, 36) : Number.NaN;
  if (number <= most) return number;
  throw malformed(name);
}

/** Throws ProtocolError unless `text` is six characters of base 36 for a number of 31 bits. */
export function readChain(text: unknown): Chain {
  return readBase36(text, TEXT, MAX_CHAIN, "chain");
}

/** Writes a chain as four bytes in big-endian order. */
export function writeChainBytes(chain: Chain, into: Uint8Array, at: number): void {
  new DataView(into.buffer, into.byteOffset, into.byteLength).setUint32(at, chain);
}

export function readChainBytes(bytes: Uint8Array): Chain {
  const chain = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  if (bytes.length === 4 && chain <= MAX_CHAIN) return chain;
  throw malformed("chain");
}

/** A position in an outbox: the offset of a message, and the chain after the message. */
export interface Position {
  /** The offset, from 1; 0 before the first message. */
  readonly offset: number;
  /** The chain after that message; 0 at the offset 0. */
  readonly chain: Chain;
}

/** Writes a position as `[offset, chain]`, which `readPosition` reads. */
export function writePosition({ offset, chain }: Position): readonly [number, string] {
  return [offset, writeChain(chain)];
}

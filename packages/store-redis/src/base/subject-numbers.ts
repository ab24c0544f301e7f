import { hashSubject } from "./keys.ts";

/** Characters of a hash that become the number: 48 bits, which Redis keeps in 8 bytes. */
const NUMBER = 8;
const BITS = 6;

/** A subject in the lists of watched subjects. */
export interface SubjectNumber {
  readonly hash: string;
  /** One of 64, so that a list stays small and the lists are spread over a Cluster. */
  readonly bucket: string;
  /** Two subjects with the same number are told of each other's changes, and ignore them. */
  readonly number: string;
}

export function numberOf(subject: string): SubjectNumber {
  const hash = hashSubject(subject);
  const number = Buffer.from(hash.slice(0, NUMBER), "base64url").readUIntBE(0, BITS);
  return { hash, bucket: hash.slice(-1), number: String(number) };
}

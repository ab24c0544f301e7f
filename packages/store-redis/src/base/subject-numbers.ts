import { hashSubject } from "./keys.ts";

/** Characters of a hash that become the number: 48 bits, which Redis keeps in 8 bytes. */
const NUMBER = 8;
const BITS = 6;
const ONE = "0";

/** A subject in the lists of watched subjects. */
export interface SubjectNumber {
  readonly hash: string;
  /**
   * The list that has the subject. On a Cluster there are 64 lists, so that the servers share the work. Elsewhere all subjects are in
   * one list, so that one call of the script announces changes of several subjects.
   */
  readonly bucket: string;
  /** Two subjects may have the same number. A process that watches one of them then gets the changes of both, and ignores the others. */
  readonly number: string;
}

export function numberOf(subject: string, isCluster: boolean): SubjectNumber {
  const hash = hashSubject(subject);
  const number = Buffer.from(hash.slice(0, NUMBER), "base64url").readUIntBE(0, BITS);
  return { hash, bucket: isCluster ? hash.slice(-1) : ONE, number: String(number) };
}

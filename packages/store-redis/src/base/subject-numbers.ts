import { hashSubject } from "./keys.ts";

/** The characters of a hash that become the number, and their bytes: 48 bits, which Redis keeps in 8 bytes. */
const NUMBER_CHARACTERS = 8;
const NUMBER_BYTES = 6;
const ONLY_BUCKET = "0";

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
  const number = Buffer.from(hash.slice(0, NUMBER_CHARACTERS), "base64url").readUIntBE(0, NUMBER_BYTES);
  return { hash, bucket: isCluster ? hash.slice(-1) : ONLY_BUCKET, number: String(number) };
}

import { randomBytes } from "node:crypto";

/** A random id for a session: 128 bits in base64url, as core makes them. */
export function newId(): string {
  return randomBytes(16).toString("base64url");
}

/** A random digest of a verifier: 256 bits in base64url, as core makes them. */
export function newDigest(): string {
  return randomBytes(32).toString("base64url");
}

/** An id of a client of `v1.wsession`. */
export function newClientId(): string {
  return randomBytes(12).toString("base64url");
}

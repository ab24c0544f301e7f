import { randomBytes } from "node:crypto";

export function newId(): string {
  return randomBytes(16).toString("base64url");
}

export function newDigest(): string {
  return randomBytes(32).toString("base64url");
}

/** An id of a client of `v1.wsession`. */
export function newClientId(): string {
  return randomBytes(12).toString("base64url");
}

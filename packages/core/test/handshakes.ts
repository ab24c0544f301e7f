import type { Handshake } from "@wsession/core";

/** A handshake with nothing in it but `parts`. */
export function aHandshake(parts: Partial<Handshake> = {}): Handshake {
  return {
    method: "GET",
    url: "/",
    headers: {},
    remoteAddress: undefined,
    encrypted: false,
    protocols: [],
    ...parts,
  };
}

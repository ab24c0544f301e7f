import type { Handshake } from "@wsession/core";

/** An empty handshake, apart from `parts`. */
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

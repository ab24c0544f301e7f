import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import type { Handshake } from "./handshake.ts";

/** Whether the client offers `v1.wsession`. */
export function offersFraming({ protocols }: Handshake): boolean {
  return protocols.includes(SUBPROTOCOL);
}

/** The handshake without the protocol's own names: the application chooses among its own subprotocols. */
export function withoutFraming(handshake: Handshake): Handshake {
  return withoutProtocols(handshake, (name) => name === SUBPROTOCOL || name === DECOY_SUBPROTOCOL);
}

/** The handshake without some of the subprotocols that it offers, in its header too. */
export function withoutProtocols(handshake: Handshake, isLeftOut: (name: string) => boolean): Handshake {
  if (!handshake.protocols.some(isLeftOut)) return handshake;
  const protocols = handshake.protocols.filter((name) => !isLeftOut(name));
  const headers: Record<string, string> = Object.create(null);
  Object.assign(headers, handshake.headers, { "sec-websocket-protocol": protocols.join(", ") });
  const { method, url, encrypted } = handshake;
  // Do not spread the handshake: that would call the getter of the address, which an adapter may read at its first use.
  return {
    method,
    url,
    headers,
    get remoteAddress() {
      return handshake.remoteAddress;
    },
    encrypted,
    protocols,
  };
}

import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { invalidArgument } from "../base/errors.ts";
import { isRefusedPromise } from "../base/promises.ts";
import type { Handshake } from "./handshake.ts";

/** Whether the client offers `v1.wsession`. */
export function offersFraming({ protocols }: Handshake): boolean {
  return protocols.includes(SUBPROTOCOL);
}

/** The handshake without the protocol's own names: the application chooses among its own subprotocols. */
export function withoutFraming(handshake: Handshake): Handshake {
  return withoutProtocols(handshake, (name) => name === SUBPROTOCOL || name === DECOY_SUBPROTOCOL);
}

/**
 * The subprotocol that the application's `handleProtocols` chooses, and the first one without this hook; `undefined` for none. A
 * choice counts only if it was offered: the hook can read the headers of the request, so it could choose the subprotocol that carries
 * the token.
 *
 * @param offered the subprotocols of the client, without a token
 * @throws INVALID_ARGUMENT if the hook returns a promise, and what the hook throws.
 */
export function chooseSubprotocol<Request>(
  offered: readonly string[],
  options: { handleProtocols?: ((offered: readonly string[], request: Request) => unknown) | undefined },
  request: Request,
): string | undefined {
  const [first] = offered;
  if (first === undefined || options.handleProtocols === undefined) return first;
  const chosen = options.handleProtocols(offered, request);
  if (isRefusedPromise(chosen)) throw invalidArgument("handleProtocols must be synchronous");
  return typeof chosen === "string" && offered.includes(chosen) ? chosen : undefined;
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

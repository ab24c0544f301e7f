/** The carriers of a token for clients without cookies: in the query, and as an offered subprotocol. */
import { assertNoMore, assertOptions, assertString } from "../base/arguments.ts";
import { invalidArgument } from "../base/errors.ts";
import { readQuery } from "./carriers.ts";
import type { ProtocolCarrier, TokenCarrier } from "./carriers.ts";
import { HTTP_TOKEN } from "./headers.ts";
import { MAX_TOKENS } from "./token.ts";

/**
 * Carries the token in the query, `?token=…`. Proxies log queries, so use this carrier only where cookies are impossible, use it
 * over TLS, and rotate tokens. The parameter's name is `token` by default.
 *
 * @throws INVALID_ARGUMENT for a parameter that is not a string, and for an unknown option.
 */
export function queryToken(options?: { readonly parameter?: string | undefined }): TokenCarrier;
export function queryToken(
  options: { readonly parameter?: string | undefined } = {},
  surplus?: undefined,
): TokenCarrier {
  assertNoMore("queryToken()", surplus);
  assertOptions("queryToken", options, ["parameter"]);
  const { parameter = "token" } = options;
  assertString("queryToken: parameter", parameter);
  return {
    read: (handshake) => readQuery(handshake.url, parameter, 1)[0],
    readAll: (handshake) => readQuery(handshake.url, parameter, MAX_TOKENS),
  };
}

/**
 * Carries the token as an offered subprotocol, `wsession.<token>`. The server never chooses that subprotocol, so offer a real
 * subprotocol too: browsers, and ws, fail the connection if they offered subprotocols and the server chose none. The prefix is
 * `wsession.` by default.
 *
 * @throws INVALID_ARGUMENT for a prefix with characters that a subprotocol can't have, and for an unknown option.
 * @example
 * new WebSocket(url, ["chat", `wsession.${token}`]);
 */
export function protocolToken(options?: { readonly prefix?: string | undefined }): ProtocolCarrier;
export function protocolToken(
  options: { readonly prefix?: string | undefined } = {},
  surplus?: undefined,
): ProtocolCarrier {
  assertNoMore("protocolToken()", surplus);
  assertOptions("protocolToken", options, ["prefix"]);
  const { prefix = "wsession." } = options;
  assertString("protocolToken: prefix", prefix);
  if (!HTTP_TOKEN.test(prefix))
    throw invalidArgument(
      "protocolToken: the prefix must have only characters that RFC 6455 allows in a subprotocol",
    );
  return {
    read: (handshake) => handshake.protocols.find((name) => name.startsWith(prefix))?.slice(prefix.length),
    readAll: ({ protocols }) =>
      protocols
        .filter((name) => name.startsWith(prefix))
        .slice(0, MAX_TOKENS)
        .map((name) => name.slice(prefix.length)),
    isTokenProtocol: (protocol) => {
      assertString("isTokenProtocol: protocol", protocol);
      return protocol.startsWith(prefix);
    },
  };
}

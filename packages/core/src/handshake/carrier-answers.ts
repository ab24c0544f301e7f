/**
 * The answers of a carrier's methods. A carrier of the application may be wrong in a program without types. A promise is refused, and
 * its rejection is caught, because otherwise one handshake could end the process (I12). Each function throws INVALID_ARGUMENT.
 */
import { invalidArgument } from "../base/errors.ts";
import type { SessionError } from "../base/errors.ts";
import { disregard } from "../base/promises.ts";
import type { TokenCarrier } from "./carriers.ts";
import type { Handshake } from "./handshake.ts";
import { assertHeader } from "./headers.ts";
import type { HeaderLine } from "./headers.ts";
import { MAX_TOKENS } from "./token.ts";

/** The token that the carrier reads first. */
export function readToken(carrier: TokenCarrier | undefined, raw: Handshake): string | undefined {
  return textOrNothing("read", carrier?.read(raw));
}

/** The renewal code, if the handshake carries it in another place than the token. */
export function readRenewalCode(carrier: TokenCarrier | undefined, raw: Handshake): string | undefined {
  return textOrNothing("readRenewal", carrier?.readRenewal?.(raw));
}

/**
 * The other tokens of the handshake than `token`, without repeats. Their number is limited, because each token costs one request to
 * the store, and a stranger may send as many tokens as fit into a header.
 */
export function otherTokens(carrier: TokenCarrier | undefined, raw: Handshake, token: string): string[] {
  const all: unknown = carrier?.readAll?.(raw) ?? [];
  if (!Array.isArray(all)) throw wrongAnswer("readAll", "an array of strings", [all]);
  const read: readonly unknown[] = all.slice(0, MAX_TOKENS);
  const tokens = new Set(read.filter((one) => typeof one === "string"));
  if (!read.every((one) => one === undefined || typeof one === "string"))
    throw wrongAnswer("readAll", "an array of strings", read);
  // In `{ ...cookieToken(), read }` only `read` was replaced, and `readAll` reads other tokens: ignore such a list.
  return tokens.delete(token) ? [...tokens] : [];
}

/** All tokens of a request, for HTTP code. */
export function presentedTokens(carrier: TokenCarrier, raw: Handshake): readonly string[] {
  const token = readToken(carrier, raw);
  return token === undefined ? [] : [token, ...otherTokens(carrier, raw, token)];
}

/** The header that gives the client its token; `undefined` if the carrier writes none. */
export function tokenHeader(
  carrier: TokenCarrier | undefined,
  token: string,
  maxAgeMs: number,
): HeaderLine | undefined {
  const header: unknown = carrier?.write?.(token, maxAgeMs);
  if (header === undefined) return undefined;
  const parts: readonly unknown[] = Array.isArray(header) ? header : [header];
  const [name, value] = parts;
  if (typeof name !== "string" || typeof value !== "string")
    throw wrongAnswer("write", "[name, value]", parts);
  assertHeader(name, value);
  return [name, value];
}

/** Whether an offered subprotocol carries a token. */
export function carriesToken(carrier: TokenCarrier | undefined, protocol: string): boolean {
  const answer: unknown = carrier?.isTokenProtocol?.(protocol) ?? false;
  if (typeof answer !== "boolean") throw wrongAnswer("isTokenProtocol", "true or false", [answer]);
  return answer;
}

function textOrNothing(method: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw wrongAnswer(method, "a string or undefined", [value]);
}

function wrongAnswer(method: string, right: string, values: readonly unknown[]): SessionError {
  for (const value of values) disregard(value);
  return invalidArgument(`token.${method} must return ${right}, and not a promise`);
}

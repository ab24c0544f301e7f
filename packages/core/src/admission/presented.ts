/** What a handshake presents to be let into a session: one token as a rule, several where a browser has several cookies. */
import type { TokenCarrier } from "../handshake/carriers.ts";
import type { Handshake } from "../handshake/handshake.ts";
import { MAX_TOKENS, parseToken } from "../handshake/token.ts";
import { invalidArgument, isUnreadable } from "../base/errors.ts";
import type { ResumeResult, SessionStore } from "../store/contract.ts";

/** A resume that opened nothing. */
export interface FailedResume {
  readonly type: Exclude<ResumeResult["type"], "resumed">;
  readonly id: string;
}

/** The token that the carrier reads first. Throws INVALID_ARGUMENT where a carrier without types answers with no text. */
export function readToken(carrier: TokenCarrier | undefined, raw: Handshake): string | undefined {
  return textOrNothing("read", carrier?.read(raw));
}

/** The renewal code, where it travels otherwise than the token. */
export function readRenewalCode(carrier: TokenCarrier | undefined, raw: Handshake): string | undefined {
  return textOrNothing("readRenewal", carrier?.readRenewal?.(raw));
}

/**
 * The tokens that the handshake carries beside `token`, without repeats, up to a bound: each costs the store a question, and
 * a stranger may send as many as fit a header.
 */
export function otherTokens(carrier: TokenCarrier | undefined, raw: Handshake, token: string): string[] {
  const all: unknown = carrier?.readAll?.(raw) ?? [];
  if (!Array.isArray(all)) throw invalidArgument("token.readAll answers with an array of strings");
  const tokens = new Set(all.slice(0, MAX_TOKENS).map((one: unknown) => textOrNothing("readAll", one)));
  // A list without `token` is another method's: `{ ...cookieToken(), read }` has replaced `read` alone.
  if (!tokens.delete(token)) return [];
  return [...tokens].filter((one) => one !== undefined);
}

function textOrNothing(method: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw invalidArgument(`token.${method} answers with a string, at once, or with undefined`);
}

/**
 * Leaves out tokens that would open nothing. All are asked about at once, so that a client with several tokens waits for one
 * round trip, not for one each. Nothing is held, taken over or renewed by the question; a renewal code is left in, because
 * a code is used up by the answer.
 */
export async function withoutDeadTokens(
  store: SessionStore,
  tokens: readonly string[],
  request: { readonly subject: string | undefined; readonly idleMs: number },
  failed: FailedResume[],
): Promise<readonly string[]> {
  // The only one is asked about by the resume itself.
  if (tokens.length < 2) return tokens;
  const answers = await Promise.all(
    tokens.map(async (token) => {
      const claim = parseToken(token);
      if (claim === undefined || claim.renews) return token;
      const { id, digest } = claim;
      try {
        const common = { ...request, nextDigest: undefined, hold: false, exclusive: false };
        const { type } = await store.resume({ id, digest, ...common });
        if (type === "resumed") return token;
        failed.push({ type, id });
        return undefined;
      } catch (error) {
        if (!isUnreadable(error)) throw error;
        // The resume itself says what becomes of it.
        return token;
      }
    }),
  );
  return answers.filter((token) => token !== undefined);
}

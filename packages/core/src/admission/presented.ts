/** The tokens that a handshake presents. There is usually one. A browser with several cookies of one name presents several. */
import type { TokenCarrier } from "../handshake/carriers.ts";
import type { Handshake } from "../handshake/handshake.ts";
import { MAX_TOKENS, parseToken } from "../handshake/token.ts";
import { invalidArgument, isUnreadable } from "../base/errors.ts";
import type { ResumeResult, SessionStore } from "../store/contract.ts";

/** A resume that failed. */
export interface FailedResume {
  readonly type: Exclude<ResumeResult["type"], "resumed">;
  readonly id: string;
}

/** The token that the carrier reads first. Throws INVALID_ARGUMENT for a carrier that answers with anything but a string. */
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
  if (!Array.isArray(all)) throw invalidArgument("token.readAll must return an array of strings");
  const tokens = new Set(all.slice(0, MAX_TOKENS).map((one: unknown) => textOrNothing("readAll", one)));
  // In `{ ...cookieToken(), read }` only `read` was replaced, and `readAll` reads other tokens: ignore such a list.
  if (!tokens.delete(token)) return [];
  return [...tokens].filter((one) => one !== undefined);
}

function textOrNothing(method: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw invalidArgument(`token.${method} must return a string or undefined, and not a promise`);
}

/**
 * Removes tokens that would resume no session. The requests for all tokens are sent at once, so that a client with several tokens
 * waits for one round trip, not for one for each token. These requests register no holder, take no session over, renew no token and
 * move no idle deadline, because only one of the sessions is resumed. A renewal code stays in the list without a request, because a
 * request would use the code up.
 */
export async function withoutDeadTokens(
  store: SessionStore,
  tokens: readonly string[],
  request: { readonly subject: string | undefined; readonly idleMs: number },
  failed: FailedResume[],
): Promise<readonly string[]> {
  // The resume itself checks a single token.
  if (tokens.length < 2) return tokens;
  const answers = await Promise.all(
    tokens.map(async (token) => {
      const claim = parseToken(token);
      if (claim === undefined || claim.renews) return token;
      const { id, digest } = claim;
      try {
        const common = { ...request, nextDigest: undefined, hold: false, exclusive: false, touch: false };
        const { type } = await store.resume({ id, digest, ...common });
        if (type === "resumed") return token;
        failed.push({ type, id });
        return undefined;
      } catch (error) {
        if (!isUnreadable(error)) throw error;
        // The resume itself reports a session that can't be read.
        return token;
      }
    }),
  );
  return answers.filter((token) => token !== undefined);
}

/** The tokens that a handshake presents. There is usually one. A browser with several cookies of one name presents several. */
import { parseToken } from "../handshake/token.ts";
import { isUnreadable } from "../base/errors.ts";
import type { ResumeResult, SessionStore } from "../store/contract.ts";

/** A resume that failed. */
export interface FailedResume {
  readonly type: Exclude<ResumeResult["type"], "resumed">;
  readonly id: string;
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

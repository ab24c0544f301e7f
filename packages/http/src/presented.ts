/** The tokens that a request presents, and the sessions that they open. */
import { isSessionError } from "@wsession/core";
import type { CookieCarrier, Handshake, Session } from "@wsession/core";

/** The most cookies of one name that are tried, as in a handshake. */
const MAX_TOKENS = 4;

interface Opener<Opened> {
  open(tokens: readonly string[], options: { readonly touch: false }): Promise<Opened | undefined>;
}

/**
 * Returns the tokens of the request, without repeats. A browser sends several cookies of one name if their paths or domains
 * differ.
 */
export function tokensOf(cookie: CookieCarrier, handshake: Handshake): readonly string[] {
  const first = cookie.read(handshake);
  if (first === undefined) return [];
  return [...new Set([first, ...(cookie.readAll?.(handshake) ?? [])])].slice(0, MAX_TOKENS);
}

/**
 * Destroys each session that one of the tokens opens. All tokens are passed to each call of `open`, because a replaced token is a
 * sign of theft only without its replacement. Resolves with whether a session was destroyed.
 */
export async function destroyAll<Opened extends Pick<Session<object>, "destroy">>(
  sessions: Opener<Opened>,
  tokens: readonly string[],
  reason: string,
): Promise<boolean> {
  let isDestroyed = false;
  let session = await sessions.open(tokens, { touch: false });
  for (let left = tokens.length - 1; session !== undefined; left -= 1) {
    if (await session.destroy(reason)) isDestroyed = true;
    session = left > 0 ? await openNext(sessions, tokens) : undefined;
  }
  return isDestroyed;
}

/** As `open`. A record that can't be read opens nothing, and must not prevent that the cookie of the first session is cleared. */
async function openNext<Opened>(
  sessions: Opener<Opened>,
  tokens: readonly string[],
): Promise<Opened | undefined> {
  try {
    return await sessions.open(tokens, { touch: false });
  } catch (error) {
    if (isSessionError(error, "CORRUPT_RECORD")) return undefined;
    throw error;
  }
}

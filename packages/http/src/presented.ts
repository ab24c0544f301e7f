/** The tokens that a request presents, and the sessions that they open. */
import type { CookieCarrier, Handshake, Session } from "@wsession/core";

/** So many cookies of one name are tried, as in a handshake. */
const MAX_TOKENS = 4;

/** Opens the session of a token, as `Sessions.open`. */
interface Opener<Opened> {
  open(token: string, options: { readonly touch: false }): Promise<Opened | undefined>;
}

/** A browser may send several cookies of one name, for several paths or domains. */
export function tokensOf(cookie: CookieCarrier, handshake: Handshake): readonly string[] {
  const first = cookie.read(handshake);
  if (first === undefined) return [];
  return [...new Set([first, ...(cookie.readAll?.(handshake) ?? [])])].slice(0, MAX_TOKENS);
}

/** Destroys the session of each token if `isMeant` returns true for the session. Resolves with whether there was one. */
export async function destroyEach<Opened extends Pick<Session<object>, "destroy">>(
  sessions: Opener<Opened>,
  tokens: readonly string[],
  reason: string,
  isMeant: (session: Opened) => boolean = () => true,
): Promise<boolean> {
  let isDestroyed = false;
  for (const token of tokens) {
    const session = await sessions.open(token, { touch: false });
    if (session !== undefined && isMeant(session) && (await session.destroy(reason))) isDestroyed = true;
  }
  return isDestroyed;
}

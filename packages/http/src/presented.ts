/** The sessions that the tokens of a request open. */
import { isSessionError } from "@wsession/core";
import type { Session } from "@wsession/core";

interface Opener<Opened> {
  open(tokens: readonly string[], options: { readonly touch: false }): Promise<Opened | undefined>;
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

/** Cookies of other libraries, by their name. */

/** A longer header is not read. Browsers keep cookies of 4 KiB. */
const MAX_COOKIE_HEADER = 16_384;

/** Returns the first cookie of this name, decoded as express-session, @fastify/session and Auth.js do it; `undefined` without one. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined || header.length > MAX_COOKIE_HEADER) return undefined;
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === name) return decoded(pair.slice(equals + 1).trim());
  }
  return undefined;
}

function decoded(text: string): string {
  const value = text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
  try {
    return decodeURIComponent(value);
  } catch {
    // A client may send any text. A value that can't be decoded is the id of no session.
    return value;
  }
}

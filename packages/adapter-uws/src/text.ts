import { versions } from "node:process";

/**
 * Whether the runtime may send a string whose characters have one byte each in Latin-1, and not in UTF-8: the peer then fails the
 * connection. The build of `uwebsockets` 3.0.6 for Node.js 24 does so, the build for Node.js 22 does not, and a build does not
 * report its behaviour. 137 is Node.js 24.
 */
const MAY_SEND_LATIN1 = Number(versions.modules) >= 137;
/** From this length on, in UTF-16 code units, encoding a string costs less than searching it. */
const LONG = 512;
// oxlint-disable-next-line no-control-regex -- the range of one-byte characters outside of ASCII begins with control characters
const LATIN1 = /[\u0080-\u00ff]/;

/**
 * Text as the runtime sends it correctly. Unpaired surrogates are replaced by U+FFFD, because the runtime would send them as invalid
 * UTF-8, for which the peer fails the connection.
 */
export function sendable(text: string): string | Uint8Array {
  if (MAY_SEND_LATIN1 && (text.length >= LONG || LATIN1.test(text))) return Buffer.from(text);
  return text.toWellFormed();
}

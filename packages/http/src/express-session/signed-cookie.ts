/** Cookies that express-session and @fastify/session have signed: `s:<id>.<signature>`, and `<id>.<signature>`. */
import { createHmac, timingSafeEqual } from "node:crypto";

/** A longer header is not read. Browsers keep cookies of 4 KiB. */
const MAX_COOKIE_HEADER = 16_384;

/** The first cookie of this name, decoded, as both libraries read it; `undefined` for none. */
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
    // A client may send any text. One that can't be decoded has no valid signature.
    return value;
  }
}

/** The id that the cookie's signature proves, with any of the secrets; `undefined` for a cookie that none of them has signed. */
export function unsign(value: string, prefix: string, secrets: readonly string[]): string | undefined {
  if (!value.startsWith(prefix)) return undefined;
  const signed = value.slice(prefix.length);
  const dot = signed.lastIndexOf(".");
  if (dot < 1) return undefined;
  const id = signed.slice(0, dot);
  const signature = Buffer.from(signed.slice(dot + 1));
  return secrets.some((secret) => isEqual(signature, signatureOf(id, secret))) ? id : undefined;
}

function signatureOf(id: string, secret: string): Buffer {
  return Buffer.from(createHmac("sha256", secret).update(id).digest("base64").replace(/=+$/, ""));
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

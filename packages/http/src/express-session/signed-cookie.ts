/** Cookies that express-session and @fastify/session have signed: `s:<id>.<signature>`, and `<id>.<signature>`. */
import { createHmac, timingSafeEqual } from "node:crypto";

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

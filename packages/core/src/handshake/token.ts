import { hash, randomFillSync } from "node:crypto";

/**
 * Tokens are `selector.verifier`: 128 random bits that name the session and 256 that prove it, base64url without
 * padding. Stores keep the SHA-256 of the verifier alone. With 256 random bits a plain hash is enough: there is nothing
 * to guess that a slow one would protect (OWASP Session Management: at least 64 bits of entropy).
 */
export interface ParsedToken {
  readonly id: string;
  readonly digest: string;
  /** It is a renewal code. */
  readonly renews: boolean;
}

const ID = /^[A-Za-z0-9_-]{1,64}$/;
/** Both travel as they are, in a query (RFC 3986 section 2.3) and as a subprotocol (RFC 9110 section 5.6.2). */
const TOKEN_MARK = ".";
const RENEWAL_MARK = "~";
export const SELECTOR_LENGTH = 22;
const TOKEN = /^([A-Za-z0-9_-]{22})([.~])([A-Za-z0-9_-]{43})$/;
const NO_GROUPS: readonly string[] = [];
export const TOKEN_LENGTH: number = SELECTOR_LENGTH + 1 + 43;

/** How many tokens of one handshake are tried. */
export const MAX_TOKENS = 4;

/** Whether `id` can name a session. What can't is absent, and reaches no store: there it could name something else. */
export function isSessionId(id: string): boolean {
  return typeof id === "string" && ID.test(id);
}

/** Drawn for 64 verifiers at once, since a draw costs as much for one. */
const entropy = Buffer.alloc(2_048);
let drawn = entropy.length;

function randomText(bytes: number): string {
  if (drawn + bytes > entropy.length) {
    randomFillSync(entropy);
    drawn = 0;
  }
  const end = drawn + bytes;
  const text = entropy.toString("base64url", drawn, end);
  // Handed out, it is nobody else's to find here.
  entropy.fill(0, drawn, end);
  drawn = end;
  return text;
}

export function newSelector(): string {
  return randomText(16);
}

export function newVerifier(): string {
  return randomText(32);
}

export function digestOf(verifier: string): string {
  return hash("sha256", verifier, "base64url");
}

/** A token, as its carrier brings it. */
export function writeToken(id: string, verifier: string): string {
  return id + TOKEN_MARK + verifier;
}

/** A renewal code: of another form, so that only a resume which renews the token needs a verifier to renew it with. */
export function writeRenewalCode(id: string, verifier: string): string {
  return id + RENEWAL_MARK + verifier;
}

/** Reads a token or a renewal code strictly; `undefined` for anything else, at a cost that its length bounds. */
export function parseToken(text: string): ParsedToken | undefined {
  if (text.length !== TOKEN_LENGTH) return undefined;
  const { 1: selector, 2: mark, 3: verifier } = TOKEN.exec(text) ?? NO_GROUPS;
  if (selector === undefined || verifier === undefined) return undefined;
  return { id: selector, digest: digestOf(verifier), renews: mark === RENEWAL_MARK };
}

/** Tokens and renewal codes: their form, and their digests. */
import { hash, randomFillSync } from "node:crypto";

/**
 * A token is `selector.verifier`: 128 random bits that name the session and 256 random bits that prove the right to it, in base64url
 * without padding. Stores keep only the SHA-256 digest of the verifier. A slow hash is for secrets that can be guessed, and 256
 * random bits can't be guessed (OWASP Session Management asks for 64 bits of entropy).
 */
export interface ParsedToken {
  readonly id: string;
  readonly digest: string;
  /** Whether the text is a renewal code. */
  readonly renews: boolean;
}

const ID = /^[A-Za-z0-9_-]{1,64}$/;
/** Both separators need no encoding in a query (RFC 3986 section 2.3) and in a subprotocol (RFC 9110 section 5.6.2). */
const TOKEN_SEPARATOR = ".";
const RENEWAL_SEPARATOR = "~";
export const SELECTOR_LENGTH = 22;
const TOKEN = /^([A-Za-z0-9_-]{22})([.~])([A-Za-z0-9_-]{43})$/;
const NO_GROUPS: readonly string[] = [];
export const TOKEN_LENGTH: number = SELECTOR_LENGTH + 1 + 43;

/** How many tokens of one handshake are tried. */
export const MAX_TOKENS = 4;

/** Whether `id` can name a session. Any other text must not reach a store, where it could name another key (injection). */
export function isSessionId(id: string): boolean {
  return typeof id === "string" && ID.test(id);
}

/** Random bytes for 64 verifiers at once, because the system call costs as much for 64 verifiers as for one. */
const entropy = Buffer.alloc(2_048);
/** How many bytes of `entropy` were handed out. */
let drawn = entropy.length;

function randomText(bytes: number): string {
  if (drawn + bytes > entropy.length) {
    randomFillSync(entropy);
    drawn = 0;
  }
  const end = drawn + bytes;
  const text = entropy.toString("base64url", drawn, end);
  // Erase the bytes that were handed out, so that a secret does not stay in this buffer.
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

/** The text of a token. */
export function writeToken(id: string, verifier: string): string {
  return id + TOKEN_SEPARATOR + verifier;
}

/**
 * The text of a renewal code. Its form differs from that of a token, so that a resume can detect that a new verifier is needed.
 */
export function writeRenewalCode(id: string, verifier: string): string {
  return id + RENEWAL_SEPARATOR + verifier;
}

/** Parses a token or a renewal code strictly; `undefined` for any other text. The length is checked first, to bound the cost. */
export function parseToken(text: string): ParsedToken | undefined {
  if (text.length !== TOKEN_LENGTH) return undefined;
  const { 1: selector, 2: separator, 3: verifier } = TOKEN.exec(text) ?? NO_GROUPS;
  if (selector === undefined || verifier === undefined) return undefined;
  return { id: selector, digest: digestOf(verifier), renews: separator === RENEWAL_SEPARATOR };
}

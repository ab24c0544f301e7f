/**
 * Characters that a terminal may interpret, that change the direction of text, or that are invisible: controls, format characters
 * (bidirectional marks and overrides, joiners), line separators, private use, unpaired surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu;
/** The secret part of a token or a renewal code. */
const TOKEN = /(?<![A-Za-z0-9_-])([A-Za-z0-9_-]{22})[.~][A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/g;

/** Returns `text` with `\u{…}` for each character that a terminal may interpret, and with tokens without their secret parts. */
export function safeText(text: string): string {
  return withoutTokens(text).replace(UNSAFE, escapeOf);
}

/** Returns `text` without the secret parts of tokens. */
export function withoutTokens(text: string): string {
  return text.replace(TOKEN, "$1.[secret]");
}

/** A value as JSON in one line that a terminal can show. */
export function safeJson(value: unknown): string {
  // The replacer gets each text before it is escaped, when a token can be recognised. Keys may be tokens too.
  const text = JSON.stringify(value, (_key, inner: unknown) => withoutSecrets(inner));
  return text.replace(UNSAFE, (character) => jsonEscapeOf(character));
}

function withoutSecrets(value: unknown): unknown {
  if (typeof value === "string") return withoutTokens(value);
  // JSON has no infinity, so a deadline that never comes is null.
  if (value === Number.POSITIVE_INFINITY) return null;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value);
  return entries.some(([key]) => withoutTokens(key) !== key)
    ? Object.fromEntries(entries.map(([key, inner]) => [withoutTokens(key), inner]))
    : value;
}

function escapeOf(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** Escapes a character as JSON does: each UTF-16 unit by itself. */
function jsonEscapeOf(character: string): string {
  let text = "";
  for (let at = 0; at < character.length; at += 1)
    text += `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
  return text;
}

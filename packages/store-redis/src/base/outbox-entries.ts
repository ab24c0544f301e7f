/** Kept messages as entries of a list in Redis. */
import type { OutboxEntry, OutboxMessage } from "@wsession/core";
import { deadlineText } from "./durations.ts";
import { corrupt } from "./failures.ts";

/** The number of characters before the message of an entry: the chain before the entry, its deadline, its flag. */
const HEADER = 16;
const CHAIN = 6;

/**
 * Messages as arguments of append.lua: mark, flag, ttl, key, payload. Bytes are sent as base64, because the client decodes replies
 * as UTF-8.
 */
export function encodeMessages(messages: readonly OutboxMessage[]): string[] {
  const words: string[] = [];
  for (const { data, mark, key, ttlMs } of messages) {
    const ttl = ttlMs === undefined ? "" : ttlText(ttlMs);
    if (typeof data === "string") words.push(String(mark), "t", ttl, key ?? "", data);
    else words.push(String(mark), "b", ttl, key ?? "", toBase64(data));
  }
  return words;
}

/** An infinite ttl still counts as a ttl, because a message with a ttl is never reported as missed. */
function ttlText(ms: number): string {
  const text = deadlineText(ms);
  return text === "0" ? MAX_TTL : text;
}

const MAX_TTL = String(1e13);

/**
 * Decodes entries of the list. An entry has the chain before it. `after` is the chain after the last entry. Throws
 * CORRUPT_RECORD.
 */
export function decodeEntries(texts: readonly unknown[], after: number): OutboxEntry[] {
  return texts.map((text, index) => {
    if (typeof text !== "string" || text.length < HEADER) throw corrupt();
    const next = texts[index + 1];
    const chain = typeof next === "string" ? Number.parseInt(next.slice(0, CHAIN), 36) : after;
    return decodeEntry(text.charAt(HEADER - 1), text.slice(HEADER), chain);
  });
}

/** Decodes one entry. prelude-outbox.lua defines the flags. Throws CORRUPT_RECORD. */
export function decodeEntry(flag: string, payload: string, chain: number): OutboxEntry {
  switch (flag) {
    case "t":
    case "T":
      return { chain, data: payload, isReplaced: false };
    case "b":
    case "B":
      return { chain, data: fromBase64(payload), isReplaced: false };
    case "x":
    case "X":
      return { chain, data: undefined, isReplaced: true };
    case "e":
      return { chain, data: undefined, isReplaced: false };
    default:
      throw corrupt();
  }
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url");
}

/** Copies the bytes into memory of their own: small Buffers of Node share memory, and the application gets this array. */
function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "base64url"));
}

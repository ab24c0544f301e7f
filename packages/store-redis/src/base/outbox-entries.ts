import type { OutboxEntry, OutboxMessage } from "@wsession/core";
import { deadlineText } from "./durations.ts";
import { corrupt } from "./failures.ts";

/** Characters before an entry's message: the chain before it, until when it counts, its flag. */
const HEADER = 16;
const CHAIN = 6;

/** Messages as append.lua takes them: mark, flag, ttl, key, payload. Bytes travel as text, since the client decodes replies. */
export function encodeMessages(messages: readonly OutboxMessage[]): string[] {
  const words: string[] = [];
  for (const { data, mark, key, ttlMs } of messages) {
    const ttl = ttlMs === undefined ? "" : ttlText(ttlMs);
    if (typeof data === "string") words.push(String(mark), "t", ttl, key ?? "", data);
    else words.push(String(mark), "b", ttl, key ?? "", toBase64(data));
  }
  return words;
}

/** An endless ttl is a ttl all the same: a message that has one is never missed. */
function ttlText(ms: number): string {
  const text = deadlineText(ms);
  return text === "0" ? LONGEST_TTL : text;
}

const LONGEST_TTL = String(1e13);

/** Entries as the list keeps them, each with the chain before it; `after`: the chain after the last one. Throws CORRUPT_RECORD. */
export function decodeEntries(texts: readonly unknown[], after: number): OutboxEntry[] {
  return texts.map((text, index) => {
    if (typeof text !== "string" || text.length < HEADER) throw corrupt();
    const next = texts[index + 1];
    const chain = typeof next === "string" ? Number.parseInt(next.slice(0, CHAIN), 36) : after;
    return decodeEntry(text.charAt(HEADER - 1), text.slice(HEADER), chain);
  });
}

/** The flags are those of prelude-outbox.lua. Throws CORRUPT_RECORD. */
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

/** A copy of its own size, because Node's small buffers share memory, and the application is handed this one. */
function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "base64url"));
}

export const SLOTS = 16_384;
const POLYNOMIAL = 0x1021;
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ POLYNOMIAL;
  return crc;
});

/**
 * The Cluster slot of a hash tag of ASCII characters: CRC-16/XMODEM, as in the Redis Cluster specification.
 */
export function slotOf(tag: string): number {
  let crc = 0;
  for (let at = 0; at < tag.length; at += 1)
    crc = ((crc << 8) & 0xffff) ^ (TABLE[((crc >> 8) ^ tag.charCodeAt(at)) & 0xff] ?? 0);
  return crc % SLOTS;
}

/** The primary that owns a slot, as `host:port`, according to the client's slot table; "" if unknown. */
export function primaryOf(slots: readonly (readonly string[])[], slot: number): string {
  return slots[slot]?.[0] ?? "";
}

/** The slot of a key or channel: of its hash tag, if it has one. */
export function keySlot(key: string): number {
  const open = key.indexOf("{");
  const close = open === -1 ? -1 : key.indexOf("}", open + 1);
  return slotOf(close > open + 1 ? key.slice(open + 1, close) : key);
}

const tags = new Map<number, string>();

/**
 * Finds a short hash tag in a slot by trial. The search takes a few milliseconds, so the result is cached.
 */
export function tagIn(slot: number): string {
  const known = tags.get(slot);
  if (known !== undefined) return known;
  for (let number = 0; ; number += 1) {
    const tag = number.toString(36);
    if (slotOf(tag) !== slot) continue;
    tags.set(slot, tag);
    return tag;
  }
}

import type { Cluster } from "ioredis";

export const SLOTS = 16_384;
const POLYNOMIAL = 0x1021;
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ POLYNOMIAL;
  return crc;
});

/** The slot of a Cluster that a hash tag of ASCII characters is in: CRC-16/XMODEM, as Redis Cluster's specification has it. */
export function slotOf(tag: string): number {
  let crc = 0;
  for (let at = 0; at < tag.length; at += 1)
    crc = ((crc << 8) & 0xffff) ^ (TABLE[((crc >> 8) ^ tag.charCodeAt(at)) & 0xff] ?? 0);
  return crc % SLOTS;
}

/** The node that has a slot, as far as the client knows. */
export function masterOf(cluster: Pick<Cluster, "slots">, slot: number): string {
  return cluster.slots[slot]?.[0] ?? "";
}

/** The slot that a key or channel is in: by its hash tag, where it has one. */
export function keySlot(key: string): number {
  const open = key.indexOf("{");
  const close = open === -1 ? -1 : key.indexOf("}", open + 1);
  return slotOf(close > open + 1 ? key.slice(open + 1, close) : key);
}

const tags = new Map<number, string>();

/** A short hash tag that is in this slot; found by trying, which takes a few milliseconds for each slot, once. */
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

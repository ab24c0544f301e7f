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

import type { ReadRequest, ReadResult } from "@wsession/core";
import { durationText } from "../base/durations.ts";
import { decodeEntries } from "../base/outbox-entries.ts";
import { type Caller, countText } from "./caller.ts";
import { asArray, type Missing, missing, partsOf, unexpected } from "./reply.ts";

export type OutboxReadReply = Exclude<ReadResult, { type: "missing" }> | Missing;

/** read.lua: reads an outbox from a position on, and records the reader's position. */
export async function read({ calls, keys }: Caller, request: ReadRequest): Promise<OutboxReadReply> {
  const { id, from, witness, maxBytes, reader } = request;
  const args = [
    offsetText(from.offset),
    String(from.chain),
    witness === undefined ? "" : offsetText(witness.offset),
    witness === undefined ? "" : String(witness.chain),
    countText(maxBytes),
    reader?.name ?? "",
    durationText(reader?.maxAgeMs ?? 0),
  ];
  const parts = partsOf(await calls.script("read", [keys.session(id), keys.outbox(id)], args));
  const { 0: code, 1: offset, 2: chain, 3: missed, 4: last, 5: lastChain, 6: after, 7: entries } = parts;
  switch (code) {
    case "read":
      return {
        type: code,
        missed:
          Number(missed) === 0 ? undefined : { from: Number(missed), to: Number(offset), certain: false },
        start: { offset: Number(offset), chain: Number(chain) },
        entries: decodeEntries(asArray(entries), Number(after)),
        end: { offset: Number(last), chain: Number(lastChain) },
      };
    case "missing":
    case "gone":
      return missing(parts, 1);
    default:
      throw unexpected();
  }
}

/** Converts an invalid offset to an offset after every outbox, so that the script answers with a reset. */
function offsetText(offset: number): string {
  return String(Number.isSafeInteger(offset) && offset >= 0 ? offset : Number.MAX_SAFE_INTEGER);
}

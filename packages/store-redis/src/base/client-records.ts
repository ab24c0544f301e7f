/** The records of clients' numbered messages, in the fields of a session's hash. */
import type { ClientRecord, ClientRecords, Outcome } from "@wsession/core";
import { corrupt } from "./failures.ts";

/** A record covers the outcomes of this many numbers (`WINDOW_MESSAGES` of the protocol). */
const WINDOW = 48;
/** The prefix of the fields with client records. */
const CLIENT = "c";
/** "settled refused time[ floor]", and parts of later releases. prelude-change.lua defines the parts. */
const RECORD = /^(\d{1,15}) ([0-9a-z]{1,10}) \d{1,17}(?: (\d{1,15}))?(?: .*)?$/;
const MARK = /^\d{1,10}$/;

/** The set of refused numbers among the last 48 up to `settled`, in base 36: bit i stands for the number `settled - i`. */
export function refusedBits(refused: readonly number[], settled: number): string {
  let bits = 0;
  for (const number of refused) {
    const back = settled - number;
    if (back >= 0 && back < WINDOW) bits += 2 ** back;
  }
  return bits.toString(36);
}

/** Parses the parts of a record. Throws CORRUPT_RECORD with `outcome`. */
export function toRecord(
  settledText: unknown,
  refusedText: unknown,
  floorText: unknown,
  outcome: Outcome = "not-applied",
): ClientRecord {
  const settled = Number(settledText);
  const floor = Number(floorText ?? 1);
  const bits = typeof refusedText === "string" ? Number.parseInt(refusedText, 36) : Number.NaN;
  if (!(bits < 2 ** WINDOW) || Number.isNaN(settled) || Number.isNaN(floor)) throw corrupt(outcome);
  const refused: number[] = [];
  // Division instead of shifts, because the shift operators take 32 bits.
  for (let back = 0, rest = bits; rest > 0; back += 1, rest = Math.floor(rest / 2))
    if (rest % 2 === 1) refused.unshift(settled - back);
  return { settled, refused, floor };
}

/** Collects the client records from a session's hash, field by field. */
export class ClientFields {
  readonly #byClient = new Map<string, ClientRecord>();
  #mark = 0;

  /** The text of field `g`. Throws CORRUPT_RECORD. */
  readMark(text: string, outcome: Outcome): void {
    if (!MARK.test(text)) throw corrupt(outcome);
    this.#mark = Number(text);
  }

  /** Adds a field for which `isClientField` is true. Throws CORRUPT_RECORD. */
  readRecord(field: string, text: string, outcome: Outcome): void {
    const { 1: settled, 2: refused, 3: floor } = RECORD.exec(text) ?? [];
    this.#byClient.set(field.slice(CLIENT.length), toRecord(settled, refused, floor, outcome));
  }

  get records(): ClientRecords {
    return { byClient: this.#byClient, mark: this.#mark };
  }
}

export function isClientField(field: string): boolean {
  return field.startsWith(CLIENT);
}

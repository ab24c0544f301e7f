/** A session's record in Redis: the fields of its hash. */
import type { Outcome, OwnLifetimes, Position, StoredSession } from "@wsession/core";
import { ClientFields, isClientField } from "./client-records.ts";
import { decodeField } from "./codec.ts";
import { corrupt } from "./failures.ts";

/** A session's metadata, which field `m` of the hash stores. */
export interface Metadata {
  readonly version: number;
  readonly lineage: number;
  readonly fence: number;
  readonly schemaVersion: number;
  /** An upper bound of the bytes of the data. */
  readonly bytes: number;
  /** Milliseconds by the server's clock; Infinity for no deadline. */
  readonly idleAt: number;
  readonly absoluteAt: number;
  /** The session's own lifetimes; `undefined`: none. */
  readonly own: OwnLifetimes | undefined;
}

/** The connections of one process to a session, as stored in field `h`. */
export interface HolderEntry {
  readonly node: string;
  readonly connections: number;
  /** The stored text, which remove-holders.lua compares before it removes the entry. */
  readonly entry: string;
}

/**
 * Matches the metadata. The numbers are limited to what a double represents exactly, as in prelude.lua. The numbers may be followed
 * by the oldest format that a reader has to support, and by further parts: see prelude.lua.
 */
const METADATA =
  /^(\d{1,15}) (\d{1,10}) (\d{1,15}) (\d{1,15}) (\d{1,15}) ([0-9a-z]{1,9}) ([0-9a-z]{1,9})(?: (\d{1,9})( .*)?)?$/;
const OWN_IDLE = / i([0-9a-z]{1,9})(?: |$)/;
const OWN_ABSOLUTE = / a([0-9a-z]{1,9})(?: |$)/;
/** The latest format that this release supports. */
const FORMAT = 1;
/** "first last chain bytes", and parts of later releases. */
const OUTBOX = /^(\d{1,15}) (\d{1,15}) (\d{1,10}) (\d{1,15})(?: .*)?$/;
const HOLDER = /^([^=]+)=(\d+)\.\d+/;
const isDevelopment = process.env["NODE_ENV"] !== "production";

/** Throws CORRUPT_RECORD. */
export function parseMetadata(text: unknown, outcome: Outcome = "not-applied"): Metadata {
  const found = typeof text === "string" ? METADATA.exec(text) : null;
  if (found === null) throw corrupt(outcome);
  const {
    1: version,
    2: lineage,
    3: fence,
    4: schemaVersion,
    5: bytes,
    6: idle,
    7: absolute,
    8: format,
    9: more,
  } = found;
  if (Number(format ?? FORMAT) > FORMAT) throw corrupt(outcome);
  return {
    version: Number(version),
    lineage: Number(lineage),
    fence: Number(fence),
    schemaVersion: Number(schemaVersion),
    bytes: Number(bytes),
    idleAt: readDeadline(idle),
    absoluteAt: readDeadline(absolute),
    own: more === undefined ? undefined : parseOwn(more),
  };
}

function parseOwn(more: string): OwnLifetimes | undefined {
  const idle = OWN_IDLE.exec(more)?.[1];
  const absolute = OWN_ABSOLUTE.exec(more)?.[1];
  if (idle === undefined && absolute === undefined) return undefined;
  return {
    idleMs: idle === undefined ? undefined : readDeadline(idle),
    absoluteMs: absolute === undefined ? undefined : readDeadline(absolute),
  };
}

function readDeadline(text: string | undefined): number {
  return Number.parseInt(text ?? "0", 36) || Number.POSITIVE_INFINITY;
}

/** Returns the processes that hold at least one connection. */
export function parseHolders(text: unknown): HolderEntry[] {
  if (typeof text !== "string") return [];
  return text.split(",").flatMap((entry) => {
    const [, node, connections] = HOLDER.exec(entry) ?? [];
    return node === undefined || connections === "0"
      ? []
      : [{ node, connections: Number(connections), entry }];
  });
}

/** The end of an outbox, with the messages that it keeps. */
export interface OutboxRecord extends Position {
  readonly messages: number;
  readonly bytes: number;
}

/** Decodes field `o`; `undefined` if no message was ever appended. Throws CORRUPT_RECORD. */
export function parseOutboxRecord(text: unknown, outcome: Outcome = "not-applied"): OutboxRecord | undefined {
  if (typeof text !== "string") return undefined;
  const [, first, last, chain, bytes] = OUTBOX.exec(text) ?? [];
  if (chain === undefined) throw corrupt(outcome);
  const offset = Number(last);
  return { offset, chain: Number(chain), messages: offset - Number(first) + 1, bytes: Number(bytes) };
}

/** Decodes field `o` to the end of the outbox; `undefined` if no message was ever appended. Throws CORRUPT_RECORD. */
export function parseOutbox(text: unknown, outcome: Outcome = "not-applied"): Position | undefined {
  const record = parseOutboxRecord(text, outcome);
  return record && { offset: record.offset, chain: record.chain };
}

/**
 * Decodes a session from the fields and values that HGETALL returned, at the server's time `now`.
 *
 * @throws CORRUPT_RECORD with `outcome`.
 */
export function parseSession(hash: unknown, now: unknown, outcome: Outcome): StoredSession {
  const at = Number(now);
  if (!Array.isArray(hash) || Number.isNaN(at)) throw corrupt(outcome);
  const data: Record<string, unknown> = {};
  let metadata: string | undefined;
  let subject: string | undefined;
  let outbox: string | undefined;
  let clients: ClientFields | undefined;
  for (let index = 0; index + 1 < hash.length; index += 2) {
    const field: unknown = hash[index];
    const text: unknown = hash[index + 1];
    if (typeof field !== "string" || typeof text !== "string") throw corrupt(outcome);
    if (field === "m") metadata = text;
    else if (field === "s") subject = text;
    else if (field === "o") outbox = text;
    else if (field === "g") (clients ??= new ClientFields()).readMark(text, outcome);
    else if (isClientField(field)) (clients ??= new ClientFields()).readRecord(field, text, outcome);
    else decodeOrThrow(data, field, text, outcome);
  }
  const parsed = parseMetadata(metadata, outcome);
  const { version, lineage, fence, schemaVersion, idleAt, absoluteAt, own } = parsed;
  const idleInMs = idleAt - at;
  const absoluteInMs = absoluteAt - at;
  return {
    version,
    lineage,
    data: isDevelopment ? deepFreeze(data) : data,
    subject,
    fence,
    schemaVersion,
    idleInMs,
    absoluteInMs,
    outbox: parseOutbox(outbox, outcome),
    ...(own && { own }),
    ...(clients && { clients: clients.records }),
  };
}

function decodeOrThrow(data: Record<string, unknown>, field: string, text: string, outcome: Outcome): void {
  try {
    decodeField(data, field, text);
  } catch {
    throw corrupt(outcome);
  }
}

/**
 * In development, data from a store is frozen, so that an in-place change throws instead of being silently
 * lost.
 */
function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

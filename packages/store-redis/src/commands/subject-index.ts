// The scripts that work on a subject's index, in the subject's own slot.
import type { Calls } from "../connection/calls.ts";
import type { Keys } from "../base/keys.ts";
import { asArray } from "./reply.ts";

/** The values that a login passes from the subject's slot to the session's slot. */
export interface Listing {
  readonly type: "listed";
  /** The epoch when the login began. */
  readonly epoch: number;
  /** Until when the index lists the session, in the format of field `u`. */
  readonly until: string;
}

/** A subject and its epoch after it was raised. */
export interface RaisedEpoch {
  readonly subject: string;
  readonly hash: string;
  readonly epoch: number;
}

interface IndexCaller {
  readonly calls: Calls;
  readonly keys: Keys;
}

export interface AddReply {
  readonly epoch: number;
  /** The server's time. */
  readonly now: number;
}

/**
 * index-add.lua: lists a session under a subject and returns the subject's epoch. `lastAt`: milliseconds by
 * the server's clock, 0 for ever.
 */
export async function addToIndex(
  { calls, keys }: IndexCaller,
  hash: string,
  entry: { readonly id: string; readonly lastAt: number },
  deadline: number,
): Promise<AddReply> {
  const args = [entry.id, String(entry.lastAt)];
  const reply = await calls.script("index-add", [keys.index(hash), keys.epoch(hash)], args, deadline);
  const { 0: epoch, 1: now } = asArray(reply);
  return { epoch: Number(epoch), now: Number(now) };
}

/** index-raise.lua: raises a subject's epoch, which is kept for `leastMs` to `mostMs`. */
export async function raiseEpoch(
  { calls, keys }: IndexCaller,
  hash: string,
  kept: { readonly leastMs: number; readonly mostMs: number },
): Promise<number> {
  const args = [String(kept.leastMs), String(kept.mostMs)];
  return Number(await calls.script("index-raise", [keys.index(hash), keys.epoch(hash)], args));
}

/** An entry as it was read. `score` `undefined` matches any score. */
export interface EndedEntry {
  readonly id: string;
  readonly score: number | undefined;
}

/** index-end.lua: shortens entries so that they expire together with a tombstone. */
export function endInIndex(
  { calls, keys }: IndexCaller,
  hash: string,
  entries: readonly EndedEntry[],
  tombstoneMs: number,
): Promise<void> {
  const named = entries.flatMap(({ id, score }) => [id, score === undefined ? "" : String(score)]);
  return calls.timedScript("index-end", keys.index(hash), [String(tombstoneMs), ...named], nothing);
}

/** shared-raise.lua: raises the epoch beside the shared index, to at least `least`. */
export async function raiseSharedEpoch(
  { calls, keys }: { readonly calls: Pick<Calls, "script">; readonly keys: Keys },
  hash: string,
  { least, keepMs }: { readonly least: number; readonly keepMs: number },
): Promise<void> {
  await calls.script("shared-raise", [keys.sharedEpoch(hash)], [String(keepMs), String(least)]);
}

function nothing(): void {}

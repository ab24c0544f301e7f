// The scripts of a subject's index, which is in the subject's own slot.
import type { Calls } from "../connection/calls.ts";
import type { Keys } from "../base/keys.ts";
import { asArray } from "./reply.ts";

/** What a login carries to the session's own slot. */
export interface Listing {
  readonly type: "listed";
  /** The epoch in which it began. */
  readonly epoch: number;
  /** Until when the index lists the session, as the session's field `u` has it. */
  readonly until: string;
}

/** A subject whose epoch was raised. */
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

/** index-add.lua: lists a session under a subject, and reads the subject's epoch. `lastAt`: milliseconds, 0 for ever. */
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

/** index-raise.lua: raises a subject's epoch. How long the epoch is kept, milliseconds: at least, and at most. */
export async function raiseEpoch(
  { calls, keys }: IndexCaller,
  hash: string,
  kept: { readonly leastMs: number; readonly mostMs: number },
): Promise<number> {
  const args = [String(kept.leastMs), String(kept.mostMs)];
  return Number(await calls.script("index-raise", [keys.index(hash), keys.epoch(hash)], args));
}

/** An entry, as it was read; `score` `undefined`: whatever it is. */
export interface EndedEntry {
  readonly id: string;
  readonly score: number | undefined;
}

/** index-end.lua: lets entries end, after as long as a tombstone stays. */
export function endInIndex(
  { calls, keys }: IndexCaller,
  hash: string,
  entries: readonly EndedEntry[],
  tombstoneMs: number,
): Promise<void> {
  const named = entries.flatMap(({ id, score }) => [id, score === undefined ? "" : String(score)]);
  return calls.timedScript("index-end", keys.index(hash), [String(tombstoneMs), ...named], nothing);
}

/** shared-raise.lua: raises a subject's epoch as releases before 0.2 keep it. `least`: what the epoch has to be at least. */
export async function raiseSharedEpoch(
  { calls, keys }: { readonly calls: Pick<Calls, "script">; readonly keys: Keys },
  hash: string,
  { least, keepMs }: { readonly least: number; readonly keepMs: number },
): Promise<void> {
  await calls.script("shared-raise", [keys.sharedEpoch(hash)], [String(keepMs), String(least)]);
}

function nothing(): void {}

import type { PresenceType } from "@wsession/core";
import { isPresenceType, parsePresence, stateOf } from "../base/presence-record.ts";
import { optionalText } from "../base/optional-text.ts";
import { parseMetadata } from "../base/record.ts";
import { type Calls } from "../connection/calls.ts";
import { timeOf } from "../connection/clock.ts";
import { asArray } from "./reply.ts";

/** A change of the state of a subject's session. */
export interface StateChange {
  readonly subject: string;
  readonly type: PresenceType;
  readonly stamp: number;
}

/** Reads the parts of a reply that report a change; `undefined` if there was none, or the session has no subject. */
export function changeOf(state: unknown, stamp: unknown, subject: unknown): StateChange | undefined {
  if (!isPresenceType(state) || typeof subject !== "string") return undefined;
  return { subject, type: state, stamp: Number(stamp) };
}

/** Reads the state of a session. `undefined`: the session has no subject, its presence is not recorded, or Redis has no record of it. */
export async function readState(calls: Calls, key: string): Promise<StateChange | undefined> {
  const { 0: metadata, 1: owner, 2: text } = asArray(await calls.command("hmget", [key, "m", "s", "p"]));
  const subject = optionalText(owner);
  if (subject === undefined) return undefined;
  // After the first read, so that this time is later than that of each change which the first read has found.
  const now = timeOf(await calls.command("time", [])) ?? 0;
  // A tombstone has the subject, and no metadata.
  if (typeof metadata !== "string") return { subject, type: "offline", stamp: now };
  const record = parsePresence(text);
  if (record === undefined) return undefined;
  const { idleAt, absoluteAt } = parseMetadata(metadata);
  if (Math.min(idleAt, absoluteAt) <= now)
    return { subject, type: "offline", stamp: Math.max(now, record.stamp + 1) };
  return { subject, type: stateOf(record, record.away === 0, now), stamp: record.stamp };
}

import type { PresenceType } from "@wsession/core";
import { isPresenceType } from "../base/presence-record.ts";

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

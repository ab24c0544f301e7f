import type { PresenceType } from "@wsession/core";

/** Field `p` of a session. */
export interface PresenceRecord {
  /** Milliseconds by the server's clock. */
  readonly since: number;
  /** 0 while the session has a connection. */
  readonly away: number;
  /** When the session leaves; 0 if it has left. */
  readonly leave: number;
  readonly stamp: number;
}

/** Without a record, the presence was not recorded. */
export function parsePresence(text: unknown): PresenceRecord | undefined {
  if (typeof text !== "string") return undefined;
  const [since = 0, away = 0, leave = 0, stamp = 0] = text
    .split(" ")
    .map((part) => Number.parseInt(part, 36));
  return { since, away, leave, stamp };
}

/** The state of a session at the server's time `now`. `isHeld`: a live process has connections. */
export function stateOf(record: PresenceRecord | undefined, isHeld: boolean, now: number): PresenceType {
  if (isHeld) return "online";
  if (record === undefined) return "offline";
  // Its processes have ended, and no look has recorded that yet.
  if (record.away === 0) return "away";
  return record.leave > now ? "away" : "offline";
}

export function isPresenceType(value: unknown): value is PresenceType {
  return value === "online" || value === "away" || value === "offline";
}

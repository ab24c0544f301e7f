import type { LocalSession } from "../session/local-session.ts";

const WINDOW_MS = 60_000;
/** Outboxes that one session may have replayed within a minute, in this process. */
const OUTBOXES = 4;

interface Spent {
  bytes: number;
  until: number;
}

const spentBy = new WeakMap<object, Spent>();

/**
 * Notes that so many bytes were replayed to a client of the session; returns for how long nothing more should be, milliseconds.
 * Otherwise a client that attaches again and again would be sent 256 KiB for each 60 bytes (amplification).
 */
export function spendReplay<Data extends object>(
  state: LocalSession<Data>,
  bytes: number,
  maxBytes: number,
): number {
  const now = performance.now();
  let spent = spentBy.get(state);
  if (spent === undefined || spent.until <= now)
    spentBy.set(state, (spent = { bytes: 0, until: now + WINDOW_MS }));
  spent.bytes += bytes;
  return spent.bytes > OUTBOXES * maxBytes ? spent.until - now : 0;
}

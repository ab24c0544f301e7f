import type { LocalSession } from "../session/local-session.ts";

const WINDOW_MS = 60_000;
/** Outboxes that one session may have replayed within a minute, in this process. */
const OUTBOXES = 4;

interface Spent {
  bytes: number;
  until: number;
}

/** By session: few have something replayed, so that a field would cost every session. */
const spentBy = new WeakMap<object, Spent>();

/**
 * For how long the next page of a replay has to wait, milliseconds. Otherwise a client that attaches again and again would be
 * sent 64 KiB for each 60 bytes (amplification).
 */
export function replayDelay<Data extends object>(state: LocalSession<Data>): number {
  const spent = spentBy.get(state);
  const { maxBytes } = state.context.settings.outbox;
  if (spent === undefined || spent.bytes <= OUTBOXES * maxBytes) return 0;
  return Math.max(0, spent.until - performance.now());
}

/** Notes that so many bytes were replayed. */
export function spendReplay<Data extends object>(state: LocalSession<Data>, bytes: number): void {
  const now = performance.now();
  let spent = spentBy.get(state);
  if (spent === undefined || spent.until <= now)
    spentBy.set(state, (spent = { bytes: 0, until: now + WINDOW_MS }));
  spent.bytes += bytes;
}

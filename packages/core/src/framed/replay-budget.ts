import type { LocalSession } from "../session/local-session.ts";

const WINDOW_MS = 60_000;
/** How many times the size of an outbox this process replays to one session within a minute. */
const MAX_OUTBOXES = 4;

interface Spent {
  bytes: number;
  until: number;
}

/** A map by session, because few sessions have a replay, and a field would cost memory in every session. */
const spentBy = new WeakMap<object, Spent>();

/**
 * Milliseconds that the next page of a replay has to wait. Otherwise a client that attaches again and again would make the server
 * send 64 KiB for each 60 bytes (an amplification attack).
 */
export function replayDelay<Data extends object>(state: LocalSession<Data>): number {
  const spent = spentBy.get(state);
  const { maxBytes } = state.context.settings.outbox;
  if (spent === undefined || spent.bytes <= MAX_OUTBOXES * maxBytes) return 0;
  return Math.max(0, spent.until - performance.now());
}

/** Adds `bytes` to the bytes that were replayed to this session. */
export function spendReplay<Data extends object>(state: LocalSession<Data>, bytes: number): void {
  const now = performance.now();
  let spent = spentBy.get(state);
  if (spent === undefined || spent.until <= now)
    spentBy.set(state, (spent = { bytes: 0, until: now + WINDOW_MS }));
  spent.bytes += bytes;
}

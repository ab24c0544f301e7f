/** Deadlines that another process announced. */
import { GONE } from "../base/endings.ts";
import { asStoreError, isAboutTheEnd } from "../base/errors.ts";
import { DEADLINE_TOLERANCE_MS } from "./lifetime.ts";
import type { KnownDeadlines } from "./lifetime.ts";
import type { LocalSession } from "./local-session.ts";

/** Milliseconds from an announcement to the read of the store. Further announcements within this time share the read. */
const VERIFY_MS = 500;
/** States whose deadlines are about to be read from the store. */
const waiting = new WeakSet<object>();

/**
 * Applies announced deadlines. An announcement may be older than a deadline that this process has already, because the two arrive
 * over different connections. The session could then outlive its deadline in this process. So the deadlines are read from the store
 * after each announcement that is more than a touch.
 */
export function applyDeadlines<Data extends object>(
  state: LocalSession<Data>,
  announced: KnownDeadlines,
): void {
  const { absoluteAt = Infinity, own } = state.lifetime ?? {};
  state.context.lifetimes.set(state, announced);
  const now = state.lifetime;
  const isTouch =
    isNear(absoluteAt, now?.absoluteAt ?? Infinity) &&
    own?.idleMs === now?.own?.idleMs &&
    own?.absoluteMs === now?.own?.absoluteMs;
  if (isTouch || waiting.has(state)) return;
  waiting.add(state);
  setTimeout(() => {
    waiting.delete(state);
    readDeadlines(state).catch((error: unknown) => {
      if (!isAboutTheEnd(error))
        state.context.report(asStoreError(error), { stage: "store", sessionId: state.id });
    });
  }, VERIFY_MS).unref();
}

async function readDeadlines<Data extends object>(state: LocalSession<Data>): Promise<void> {
  const { calls, lifetimes } = state.context;
  if (state.isGone || state.connectionCount === 0 || calls.isClosed) return;
  const askedAt = performance.now();
  const stored = await calls.ask(() => state.context.store.load(state.id));
  if (stored === undefined) state.endSession(GONE);
  else lifetimes.set(state, { ...stored, idleInMs: stored.idleInMs - (performance.now() - askedAt) });
}

function isNear(one: number, other: number): boolean {
  return one === other || Math.abs(one - other) <= DEADLINE_TOLERANCE_MS;
}

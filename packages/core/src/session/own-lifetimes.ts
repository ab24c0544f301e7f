/** The lifetimes that the application gave to one session, as the store takes them. */
import { assertOptions } from "../base/arguments.ts";
import { SessionError } from "../base/errors.ts";
import { assertLifetimes, LIFETIME_OPTIONS } from "../base/lifetimes.ts";
import type { Lifetimes } from "../base/lifetimes.ts";
import type { OwnLifetimes, SessionStore, StoredSession } from "../store/contract.ts";
import { DEADLINE_TOLERANCE_MS } from "./lifetime.ts";

/** The lifetimes among the members of an object; `undefined` if no lifetime is given. */
export function givenLifetimes({ idleMs, absoluteMs, expiresAt }: Lifetimes): Lifetimes | undefined {
  if (idleMs === undefined && absoluteMs === undefined && expiresAt === undefined) return undefined;
  return { idleMs, absoluteMs, expiresAt };
}

/** As `givenLifetimes`, for an argument that has only lifetimes. Throws INVALID_ARGUMENT. */
export function checkLifetimes(where: string, lifetimes: Lifetimes): Lifetimes | undefined {
  assertOptions(where, lifetimes, LIFETIME_OPTIONS);
  const given = givenLifetimes(lifetimes);
  if (given !== undefined) assertLifetimes(where, given);
  return given;
}

/** Throws NOT_SUPPORTED for a store that keeps no lifetimes of single sessions, because the store would ignore them in silence. */
export function assertSupported(store: SessionStore): void {
  if (store.extend === undefined) throw unsupported();
}

/** Gives a stored session lifetimes. Returns `undefined` if the session is gone. */
export async function extendInStore(
  { store, idleMs }: { readonly store: SessionStore; readonly idleMs: number },
  id: string,
  given: Lifetimes,
): Promise<StoredSession | undefined> {
  if (store.extend === undefined) throw unsupported();
  const own = ownOf(given) ?? {};
  const result = await store.extend({ id, idleMs, own, absoluteInMs: absoluteInMsOf(given) });
  return result.type === "missing" ? undefined : result.session;
}

export function unsupported(): SessionError {
  return new SessionError(
    "NOT_SUPPORTED",
    "this store keeps no lifetimes of single sessions: use mapStore() or redisStore(), or leave idleMs, absoluteMs and expiresAt out",
    { outcome: "not-applied" },
  );
}

/** The lifetimes that are stored with the session. `expiresAt` is not among them: it only sets the deadline. */
export function ownOf({ idleMs, absoluteMs }: Lifetimes): OwnLifetimes | undefined {
  return idleMs === undefined && absoluteMs === undefined ? undefined : { idleMs, absoluteMs };
}

/** Milliseconds from now to the absolute deadline; `undefined` if neither `absoluteMs` nor `expiresAt` is given. */
export function absoluteInMsOf({ absoluteMs, expiresAt }: Lifetimes): number | undefined {
  if (absoluteMs === undefined && expiresAt === undefined) return undefined;
  // `expiresAt` may have passed since it was checked. The session then ends at once.
  const expiresInMs = expiresAt === undefined ? Infinity : Math.max(1, expiresAt - Date.now());
  return Math.min(absoluteMs ?? Infinity, expiresInMs);
}

/** Whether a session that is resumed has other lifetimes than those that `admit` gave. */
export function hasOtherLifetimes({ own, absoluteInMs }: StoredSession, given: Lifetimes): boolean {
  const { idleMs = own?.idleMs, absoluteMs = own?.absoluteMs, expiresAt } = given;
  if (idleMs !== own?.idleMs || absoluteMs !== own?.absoluteMs) return true;
  if (expiresAt === undefined) return false;
  const expiresInMs = expiresAt - Date.now();
  return expiresInMs !== absoluteInMs && !(Math.abs(expiresInMs - absoluteInMs) <= DEADLINE_TOLERANCE_MS);
}

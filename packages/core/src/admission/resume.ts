/** Finds the session of a client that comes back, by the token that the client presents. */
import type { Awaitable } from "@wsession/protocol";
import { isSessionError, isUnreadable } from "../base/errors.ts";
import { isThenable } from "../base/promises.ts";
import { telemetry } from "../base/telemetry.ts";
import { assertHeader } from "../handshake/headers.ts";
import type { Handshake } from "../handshake/handshake.ts";
import type { HeaderLine } from "../handshake/headers.ts";
import type { LocalSession } from "../session/local-session.ts";
import type { AdmittedSession, FoundSession } from "../session/unattached-connection.ts";
import type { PendingDecision } from "../session/pending.ts";
import type { SessionRegistry } from "../session/registry.ts";
import { replaceToken } from "../session/secrets.ts";
import type { Replaced } from "../session/secrets.ts";
import type { ResumedBy, ResumeResult, StoredSession } from "../store/contract.ts";
import { countFailedResumes } from "./failed-resumes.ts";
import { extendResumed } from "./extension.ts";
import { otherTokens, readRenewalCode, readToken, withoutDeadTokens } from "./presented.ts";
import type { FailedResume } from "./presented.ts";
import { digestOf, isSessionId, newVerifier, parseToken, writeToken } from "../handshake/token.ts";
import type { ParsedToken } from "../handshake/token.ts";

export interface Refused {
  readonly type: "refused";
  readonly status: number;
  readonly reason: string;
  /** True if the origin is not allowed. A page of that origin must not learn more than the status. */
  readonly isOfOtherOrigin?: boolean | undefined;
  /** True if a token resumed no session. */
  readonly isBadToken?: boolean | undefined;
  /** The close code, if it does not follow from the status. */
  readonly code?: number | undefined;
  /**
   * The handshake as the application sees it. Set if the refusal is a close code for every client, also for a client that does
   * not speak `v1.wsession`.
   */
  readonly closes?: Handshake | undefined;
  /** Headers of the application. */
  readonly headers?: readonly HeaderLine[] | undefined;
}

export interface ResolvedSession<Data extends object> {
  readonly session?: AdmittedSession<Data>;
  readonly header?: HeaderLine;
}

/** A reference to a session: a token, a renewal code, or `sessionId` of the application's `accept`. */
type Claim = ParsedToken | { readonly id: string; readonly digest: undefined; readonly renews: false };

export function refused(status: number, reason: string): Refused {
  return { type: "refused", status, reason };
}

/**
 * Resumes the session that the application, a renewal code, or a token names, in this order. A failed resume changes nothing
 * and reveals nothing. If the renewal code is bad, the token is tried. If a handshake carries several tokens, each of the first
 * four is tried, because otherwise a stale cookie would hide a valid one.
 */
export async function resume<Data extends object>(
  registry: SessionRegistry<Data>,
  raw: Handshake,
  sessionId: string | undefined,
  decision: PendingDecision,
): Promise<ResolvedSession<Data> | Refused> {
  const { token: carrier, onBadToken, store, idleMs } = registry.settings;
  const token = sessionId === undefined ? readToken(carrier, raw) : undefined;
  const presented = sessionId === undefined ? [readRenewalCode(carrier, raw), token] : [{ id: sessionId }];
  const failed: FailedResume[] = [];
  let resolved: ResolvedSession<Data> | Refused | undefined;
  try {
    resolved = await resumeFirst(registry, presented, decision, failed);
    if (resolved === undefined && token !== undefined) {
      const others = otherTokens(carrier, raw, token);
      const alive = await withoutDeadTokens(store, others, { subject: decision.subject, idleMs }, failed);
      resolved = await resumeFirst(registry, alive, decision, failed);
    }
  } finally {
    const resumed = resolved !== undefined && "session" in resolved ? resolved.session?.state.id : undefined;
    countFailedResumes(registry, failed, resumed);
  }
  if (resolved !== undefined) return resolved;
  const isBad = presented.some((one) => one !== undefined);
  return isBad && onBadToken !== "fresh"
    ? { ...refused(401, "session token refused"), isBadToken: true }
    : {};
}

/** Resumes by the first token that names a session; `undefined` if no token does. */
async function resumeFirst<Data extends object>(
  registry: SessionRegistry<Data>,
  presented: readonly (string | { readonly id: string } | undefined)[],
  decision: PendingDecision,
  failed: FailedResume[],
): Promise<ResolvedSession<Data> | Refused | undefined> {
  const { settings, diagnostics } = registry;
  const { store, idleMs } = settings;
  // A store with `takeOver` takes the session over later, once the connection exists.
  const exclusive = settings.exclusive && store.takeOver === undefined;
  const { subject } = decision;
  for (const one of presented) {
    if (one === undefined) continue;
    decision.assertNotEnded();
    const claim = claimOf(one);
    if (claim === undefined) {
      diagnostics.tokensMalformed += 1;
      continue;
    }
    const { id, digest } = claim;
    const nextVerifier = claim.renews ? newVerifier() : undefined;
    let result: ResumeResult | undefined;
    let state: LocalSession<Data> | undefined;
    try {
      const versionAtRequest = registry.versionAtRequest(id);
      decision.expectSession(id);
      // An automatic reconnect is not activity. A client that speaks the protocol states in attach whether it was automatic.
      const touch = decision.isActivity || settings.idleFrom === "disconnect";
      const nextDigest = nextVerifier === undefined ? undefined : digestOf(nextVerifier);
      result = await store.resume({ id, digest, nextDigest, subject, idleMs, hold: true, exclusive, touch });
      if (result.type === "resumed" && decision.sessionEnding !== undefined) {
        // The session was destroyed between the store's answer and this line (race): treat the token as the token of no session.
        registry.releaseInStore(id);
        result = { type: "missing" };
      }
      if (result.type === "resumed") {
        state = registry.adopt(id, result.session, versionAtRequest);
        decision.markSessionReady();
      }
    } catch (error) {
      if (result !== undefined) await store.release(id);
      return unreadable(registry, error, id);
    }
    if (result.type === "resumed" && state !== undefined) {
      if (!isUnowned(result, decision)) {
        const extending = extendIfGiven(registry, state, result.session, decision);
        const session = isThenable(extending) ? await extending : extending;
        if (session !== undefined) {
          const isExtended = session !== result.session;
          const token = presentedAgain(registry, isExtended ? one : undefined, result.by);
          return toAdmitted(registry, state, { ...result, session }, nextVerifier, token);
        }
        failed.push({ type: "missing", id });
        continue;
      }
      const owned = await setSubject(registry, state, result.session, decision);
      if (owned.type === "resolved") return owned.resolved;
      failed.push({ type: owned.type, id });
    } else if (result.type !== "resumed") failed.push({ type: result.type, id });
  }
  return undefined;
}

/** Whether the application named a session that has no subject yet. */
function isUnowned(
  { session, by }: Extract<ResumeResult, { type: "resumed" }>,
  decision: PendingDecision,
): boolean {
  return by === "none" && decision.subject !== undefined && session.subject === undefined;
}

/**
 * Sets the subject of a session that the application attaches to a subject, because otherwise `destroySubject` would miss the
 * session. The token is replaced, as at every login, because otherwise an attacker with the older token could resume the
 * subject's session (session fixation). The new token goes to this connection.
 */
async function setSubject<Data extends object>(
  registry: SessionRegistry<Data>,
  state: LocalSession<Data>,
  stored: StoredSession,
  decision: PendingDecision,
): Promise<
  | { readonly type: "resolved"; readonly resolved: ResolvedSession<Data> }
  | { readonly type: "missing" }
  | { readonly type: "foreign" }
> {
  const session = { state, fence: stored.fence, resumed: true, token: undefined, found: foundOf(stored) };
  let replaced: Replaced;
  try {
    const fence = () => undefined;
    replaced = await replaceToken(state, {
      decision,
      onlyUnowned: true,
      replaces: undefined,
      graceMs: 0,
      takesSubject: false,
      fence,
    });
  } catch (error) {
    registry.releaseAdmitted(session);
    if (isSessionError(error, "SESSION_GONE")) return { type: "missing" };
    throw error;
  }
  if (replaced.type !== "replaced") {
    registry.releaseAdmitted(session);
    return replaced;
  }
  const extended = await extendIfGiven(registry, state, stored, decision);
  if (extended === undefined) return { type: "missing" };
  const token = registry.settings.token === undefined ? undefined : replaced.token;
  countResumed(registry, state, "none");
  return {
    type: "resolved",
    resolved: withTokenHeader(registry, { ...session, token }, extended.absoluteInMs),
  };
}

/** As `extendResumed`, without a promise if there are no lifetimes, because a promise would delay the common resume by one turn. */
function extendIfGiven<Data extends object>(
  registry: SessionRegistry<Data>,
  state: LocalSession<Data>,
  stored: StoredSession,
  decision: PendingDecision,
): Awaitable<StoredSession | undefined> {
  return decision.lifetimes === undefined ? stored : extendResumed(registry, state, stored, decision);
}

/**
 * The presented token, if its cookie has to be set again, because the `Max-Age` of that cookie follows the former deadline.
 * `undefined` if the presented token is not the current one, because then the browser has a newer cookie.
 */
function presentedAgain<Data extends object>(
  { settings }: SessionRegistry<Data>,
  presented: string | { readonly id: string } | undefined,
  by: ResumedBy,
): string | undefined {
  const isSet = by === "current" && settings.token?.write !== undefined;
  return isSet && typeof presented === "string" ? presented : undefined;
}

function claimOf(presented: string | { readonly id: string }): Claim | undefined {
  if (typeof presented === "string") return parseToken(presented);
  const { id } = presented;
  return isSessionId(id) ? { id, digest: undefined, renews: false } : undefined;
}

function toAdmitted<Data extends object>(
  registry: SessionRegistry<Data>,
  state: LocalSession<Data>,
  { session: stored, by }: Extract<ResumeResult, { type: "resumed" }>,
  nextVerifier: string | undefined,
  presented: string | undefined,
): ResolvedSession<Data> {
  const { fence, absoluteInMs } = stored;
  const renewed =
    by === "renewal" && nextVerifier !== undefined ? writeToken(state.id, nextVerifier) : presented;
  const resolved = withTokenHeader(
    registry,
    { state, fence, resumed: true, token: renewed, found: foundOf(stored) },
    absoluteInMs,
  );
  countResumed(registry, state, by);
  return resolved;
}

function countResumed<Data extends object>(
  { diagnostics }: SessionRegistry<Data>,
  { id: sessionId }: LocalSession<Data>,
  by: ResumedBy,
): void {
  diagnostics.sessionsResumed += 1;
  if (telemetry.sessionResume.hasSubscribers) telemetry.sessionResume.publish({ sessionId, by });
}

function foundOf({ outbox, clients }: StoredSession): FoundSession {
  return { outbox, clients };
}

/** Puts the session's token into a header, if the carrier writes headers. Releases the session if the carrier throws. */
export function withTokenHeader<Data extends object>(
  registry: SessionRegistry<Data>,
  session: AdmittedSession<Data>,
  maxAgeMs: number,
): ResolvedSession<Data> {
  const { token } = session;
  if (token === undefined) return { session };
  try {
    const header = registry.settings.token?.write?.(token, maxAgeMs);
    if (header !== undefined) assertHeader(header[0], header[1]);
    return header === undefined ? { session } : { session: { ...session, token: undefined }, header };
  } catch (error) {
    registry.releaseAdmitted(session);
    throw error;
  }
}

/** The answer to a client whose stored session can't be read, which stays unchanged. Throws any other error. */
function unreadable<Data extends object>(
  registry: SessionRegistry<Data>,
  error: unknown,
  id: string,
): ResolvedSession<Data> | Refused {
  if (!isUnreadable(error)) throw error;
  registry.report(error, { stage: "store", sessionId: id });
  return registry.settings.onCorruptRecord === "fresh" ? {} : refused(503, "session can't be read");
}

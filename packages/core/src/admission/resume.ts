/** Finds the session of a client that comes back, by the token that the client presents. */
import type { Awaitable } from "@wsession/protocol";
import { isSessionError, isUnreadable } from "../base/errors.ts";
import { isThenable } from "../base/promises.ts";
import { telemetry } from "../base/telemetry.ts";
import type { Handshake } from "../handshake/handshake.ts";
import type { LocalSession, VersionStamp } from "../session/local-session.ts";
import type { FoundSession } from "../session/unattached-connection.ts";
import type { PendingDecision } from "../session/pending.ts";
import type { SessionRegistry } from "../session/registry.ts";
import { replaceToken } from "../session/secrets.ts";
import type { Replaced } from "../session/secrets.ts";
import type { ResumedBy, ResumeRequest, ResumeResult, StoredSession } from "../store/contract.ts";
import { countFailedResumes } from "./failed-resumes.ts";
import { extendResumed } from "./extension.ts";
import { otherTokens, readRenewalCode, readToken } from "../handshake/carrier-answers.ts";
import { withoutDeadTokens } from "./presented.ts";
import type { FailedResume } from "./presented.ts";
import { refused, withTokenHeader } from "./resolved.ts";
import type { Refused, ResolvedSession } from "./resolved.ts";
import { digestOf, isSessionId, newVerifier, parseToken, writeToken } from "../handshake/token.ts";
import type { ParsedToken } from "../handshake/token.ts";

/** A reference to a session: a token, a renewal code, or `sessionId` of the application's `accept`. */
type Claim = ParsedToken | { readonly id: string; readonly digest: undefined; readonly renews: false };

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
  const { token: carrier, onBadToken, onNoToken, store, idleMs } = registry.settings;
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
  const byToken = isBad ? onBadToken : onNoToken;
  if (byToken === "fresh") return {};
  const refusal = isBad
    ? refused("token", 401, "session token refused")
    : refused("token", 401, "session token missing");
  return { ...refusal, byToken };
}

/** Resumes by the first token that names a session; `undefined` if no token does. */
async function resumeFirst<Data extends object>(
  registry: SessionRegistry<Data>,
  presented: readonly (string | { readonly id: string } | undefined)[],
  decision: PendingDecision,
  failed: FailedResume[],
): Promise<ResolvedSession<Data> | Refused | undefined> {
  const { settings, diagnostics } = registry;
  const { store } = settings;
  for (const one of presented) {
    if (one === undefined) continue;
    decision.assertNotEnded();
    const claim = claimOf(one);
    if (claim === undefined) {
      diagnostics.tokensMalformed += 1;
      continue;
    }
    const { id } = claim;
    const nextVerifier = claim.renews ? newVerifier() : undefined;
    let result: ResumeResult | undefined;
    let state: LocalSession<Data> | undefined;
    try {
      const versionAtRequest = registry.versionAtRequest(id);
      decision.expectSession(id);
      result = await store.resume(requestOf(registry, claim, nextVerifier, decision));
      state = adoptResumed(registry, id, result, versionAtRequest, decision);
    } catch (error) {
      if (result !== undefined) await store.release(id);
      return unreadable(registry, error, id);
    }
    if (result.type !== "resumed" || state === undefined) {
      failed.push({ type: result.type === "resumed" ? "missing" : result.type, id });
      continue;
    }
    if (isUnowned(result, decision)) {
      const owned = await setSubject(registry, state, result.session, decision);
      if (owned.type === "resolved") return owned.resolved;
      failed.push({ type: owned.type, id });
      continue;
    }
    const extending = extendIfGiven(registry, state, result.session, decision);
    const session = isThenable(extending) ? await extending : extending;
    if (session === undefined) {
      failed.push({ type: "missing", id });
      continue;
    }
    const isExtended = session !== result.session;
    const token = presentedAgain(registry, isExtended ? one : undefined, result.by);
    return toAdmitted(registry, state, { ...result, session }, nextVerifier, token);
  }
  return undefined;
}

function requestOf<Data extends object>(
  { settings }: SessionRegistry<Data>,
  { id, digest }: Claim,
  nextVerifier: string | undefined,
  { subject, isActivity }: PendingDecision,
): ResumeRequest {
  const { store, idleMs } = settings;
  const nextDigest = nextVerifier === undefined ? undefined : digestOf(nextVerifier);
  // A store with `takeOver` takes the session over later, once the connection exists.
  const exclusive = settings.exclusive && store.takeOver === undefined;
  // An automatic reconnect is not activity. A client of `v1.wsession` states in attach whether the reconnect was automatic.
  const touch = isActivity || settings.idleFrom === "disconnect";
  return { id, digest, nextDigest, subject, idleMs, hold: true, exclusive, touch };
}

/**
 * The state of the resumed session; `undefined` if none was resumed. Releases a session that was destroyed between the store's answer
 * and this call (race): its token counts as the token of no session.
 */
function adoptResumed<Data extends object>(
  registry: SessionRegistry<Data>,
  id: string,
  result: ResumeResult,
  versionAtRequest: VersionStamp | undefined,
  decision: PendingDecision,
): LocalSession<Data> | undefined {
  if (result.type !== "resumed") return undefined;
  if (decision.sessionEnding !== undefined) {
    registry.releaseInStore(id);
    return undefined;
  }
  const state = registry.adopt(id, result.session, versionAtRequest);
  decision.markSessionReady();
  return state;
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

/** The answer to a client whose stored session can't be read, which stays unchanged. Throws any other error. */
function unreadable<Data extends object>(
  registry: SessionRegistry<Data>,
  error: unknown,
  id: string,
): ResolvedSession<Data> | Refused {
  if (!isUnreadable(error)) throw error;
  registry.report(error, { stage: "store", sessionId: id });
  return registry.settings.onCorruptRecord === "fresh" ? {} : refused("store", 503, "session can't be read");
}

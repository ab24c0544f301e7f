import { isSessionError, isUnreadable } from "../base/errors.ts";
import { assertHeader } from "../handshake/handshake.ts";
import type { Handshake } from "../handshake/handshake.ts";
import type { HeaderLine } from "../session/admitted.ts";
import type { SessionState } from "../session/local-session.ts";
import type { AdmittedSession } from "../session/newcomer.ts";
import type { PendingDecision } from "../session/pending.ts";
import type { SessionHome } from "../session/registry.ts";
import { replaceToken } from "../session/secrets.ts";
import type { Replaced } from "../session/secrets.ts";
import type { ResumeResult, StoredSession } from "../store/contract.ts";
import { otherTokens, readRenewalCode, readToken, withoutDeadTokens } from "./presented.ts";
import type { FailedResume } from "./presented.ts";
import { digestOf, isSessionId, newVerifier, parseToken, writeToken } from "../handshake/token.ts";
import type { ParsedToken } from "../handshake/token.ts";

export interface Refused {
  readonly type: "refused";
  readonly status: number;
  readonly reason: string;
}

export interface Opened<Data extends object> {
  readonly session?: AdmittedSession<Data>;
  readonly header?: HeaderLine;
}

/** What names a session: a secret that opens it, or the application's word. */
type Claim = ParsedToken | { readonly id: string; readonly digest: undefined; readonly renews: false };

export function refused(status: number, reason: string): Refused {
  return { type: "refused", status, reason };
}

/**
 * Finds the session that the application, a renewal code, or a token names, in this order. A failed resume changes
 * nothing and reveals nothing. A code that is no good costs nobody a session: what the token says counts then. Where a
 * handshake carries several tokens, each of the first few is tried, because otherwise a stale cookie would hide a good one.
 */
export async function resume<Data extends object, Transport>(
  home: SessionHome<Data, Transport>,
  raw: Handshake,
  sessionId: string | undefined,
  decision: PendingDecision,
): Promise<Opened<Data> | Refused> {
  const { token: carrier, onBadToken, store, idleMs } = home.settings;
  const token = sessionId === undefined ? readToken(carrier, raw) : undefined;
  const presented = sessionId === undefined ? [readRenewalCode(carrier, raw), token] : [{ id: sessionId }];
  const failed: FailedResume[] = [];
  let opened: Opened<Data> | Refused | undefined;
  try {
    opened = await openFirst(home, presented, decision, failed);
    if (opened === undefined && token !== undefined) {
      const others = otherTokens(carrier, raw, token);
      const alive = await withoutDeadTokens(store, others, { subject: decision.subject, idleMs }, failed);
      opened = await openFirst(home, alive, decision, failed);
    }
  } finally {
    for (const one of failed) if (!isOwnOlderToken(one, opened)) note(home, one.type, one.id);
  }
  if (opened !== undefined) return opened;
  const isBad = presented.some((one) => one !== undefined);
  return isBad && onBadToken === "refuse" ? refused(401, "session token refused") : {};
}

/** A replaced token is no sign of theft where the same client presents the one that replaced it: a browser kept both cookies. */
function isOwnOlderToken<Data extends object>(
  { type, id }: FailedResume,
  opened: Opened<Data> | Refused | undefined,
): boolean {
  return type === "stolen" && opened !== undefined && "session" in opened && opened.session?.state.id === id;
}

/** Opens the first of these that opens a session; `undefined`: none does. */
async function openFirst<Data extends object, Transport>(
  home: SessionHome<Data, Transport>,
  presented: readonly (string | { readonly id: string } | undefined)[],
  decision: PendingDecision,
  failed: FailedResume[],
): Promise<Opened<Data> | Refused | undefined> {
  const { settings, diagnostics } = home;
  const { store, idleMs } = settings;
  // Where the store can, the session is taken over once the connection is there.
  const exclusive = settings.exclusive && store.takeOver === undefined;
  const { subject } = decision;
  for (const one of presented) {
    if (one === undefined) continue;
    decision.assertStands();
    const claim = claimOf(one);
    if (claim === undefined) {
      diagnostics.tokensMalformed += 1;
      continue;
    }
    const { id, digest } = claim;
    const next = claim.renews ? newVerifier() : undefined;
    let result: ResumeResult | undefined;
    let state: SessionState<Data> | undefined;
    try {
      const asked = home.known(id);
      decision.expect(id);
      const nextDigest = next === undefined ? undefined : digestOf(next);
      result = await store.resume({ id, digest, nextDigest, subject, idleMs, hold: true, exclusive });
      if (result.type === "resumed" && decision.sessionEnding !== undefined) {
        // Destroyed between the store's answer and this line: as if the store had been asked a moment later.
        home.leave(id);
        result = { type: "missing" };
      }
      if (result.type === "resumed") {
        state = home.adopt(id, result.session, asked);
        decision.opened();
      }
    } catch (error) {
      if (result !== undefined) await store.release(id);
      return unreadable(home, error, id);
    }
    if (result.type === "resumed" && state !== undefined) {
      if (!isUnowned(result, decision)) return open(home, state, result, next);
      const claimed = await makeOwned(home, state, result.session, decision);
      if (claimed.type === "opened") return claimed.opened;
      failed.push({ type: claimed.type, id });
    } else if (result.type !== "resumed") failed.push({ type: result.type, id });
  }
  return undefined;
}

/** A session that the application vouches for, and that is nobody's yet. */
function isUnowned(
  { session, by }: Extract<ResumeResult, { type: "resumed" }>,
  decision: PendingDecision,
): boolean {
  return by === "none" && decision.subject !== undefined && session.subject === undefined;
}

/**
 * Makes a session the subject's to which the application attaches it: otherwise `destroySubject` would miss it. Its token is
 * replaced, as at every login, because whoever knew the token before (fixation) would be let into the subject's session.
 * The new token goes to this connection.
 */
async function makeOwned<Data extends object, Transport>(
  home: SessionHome<Data, Transport>,
  state: SessionState<Data>,
  stored: StoredSession,
  decision: PendingDecision,
): Promise<
  | { readonly type: "opened"; readonly opened: Opened<Data> }
  | { readonly type: "missing" }
  | { readonly type: "foreign" }
> {
  const session = { state, fence: stored.fence, resumed: true, token: undefined };
  let replaced: Replaced;
  try {
    const fence = () => undefined;
    replaced = await replaceToken(state, { decision, onlyUnowned: true, graceMs: 0, fence });
  } catch (error) {
    home.giveBack(session);
    if (isSessionError(error, "SESSION_GONE")) return { type: "missing" };
    throw error;
  }
  if (replaced.type !== "replaced") {
    home.giveBack(session);
    return replaced;
  }
  const token = home.settings.token === undefined ? undefined : replaced.token;
  home.diagnostics.sessionsResumed += 1;
  return { type: "opened", opened: tell(home, { ...session, token }, stored.absoluteInMs) };
}

function claimOf(presented: string | { readonly id: string }): Claim | undefined {
  if (typeof presented === "string") return parseToken(presented);
  const { id } = presented;
  return isSessionId(id) ? { id, digest: undefined, renews: false } : undefined;
}

function open<Data extends object, Transport>(
  home: SessionHome<Data, Transport>,
  state: SessionState<Data>,
  { session: stored, by }: Extract<ResumeResult, { type: "resumed" }>,
  next: string | undefined,
): Opened<Data> {
  const { fence, absoluteInMs } = stored;
  const renewed = by === "renewal" && next !== undefined ? writeToken(state.id, next) : undefined;
  const opened = tell(home, { state, fence, resumed: true, token: renewed }, absoluteInMs);
  home.diagnostics.sessionsResumed += 1;
  return opened;
}

/** Puts the session's token into a header, where the carrier writes one. The session is given back where that fails. */
export function tell<Data extends object, Transport>(
  home: SessionHome<Data, Transport>,
  session: AdmittedSession<Data>,
  maxAgeMs: number,
): Opened<Data> {
  const { token } = session;
  if (token === undefined) return { session };
  try {
    const header = home.settings.token?.write?.(token, maxAgeMs);
    if (header !== undefined) assertHeader(header[0], header[1]);
    return header === undefined ? { session } : { session: { ...session, token: undefined }, header };
  } catch (error) {
    home.giveBack(session);
    throw error;
  }
}

function note<Data extends object, Transport>(
  home: SessionHome<Data, Transport>,
  type: Exclude<ResumeResult["type"], "resumed">,
  id: string,
): void {
  const { settings, diagnostics } = home;
  switch (type) {
    case "missing":
      diagnostics.tokensUnknown += 1;
      return;
    case "wrong":
      diagnostics.tokensWrong += 1;
      return;
    case "foreign":
      diagnostics.tokensForeign += 1;
      return;
    case "stolen":
      diagnostics.tokensStolen += 1;
      home.report(new Error("a session's previous token was presented after its grace"), {
        stage: "theft",
        sessionId: id,
      });
      if (settings.destroyOnTheft) home.destroyStolen(id);
  }
}

/** A stored session that can't be read is left as it is. */
function unreadable<Data extends object, Transport>(
  home: SessionHome<Data, Transport>,
  error: unknown,
  id: string,
): Opened<Data> | Refused {
  if (!isUnreadable(error)) throw error;
  home.report(error, { stage: "store", sessionId: id });
  return home.settings.onCorruptRecord === "fresh" ? {} : refused(503, "session can't be read");
}

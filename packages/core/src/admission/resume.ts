import type { Diagnostics } from "../base/diagnostics.ts";
import { isUnreadable } from "../base/errors.ts";
import { assertHeader } from "../handshake/handshake.ts";
import type { AcceptOptions, Handshake } from "../handshake/handshake.ts";
import type { ErrorContext, Settings } from "../api/options.ts";
import type { Mark, SessionState } from "../session/local-session.ts";
import type { ResumeResult, StoredSession } from "../store/contract.ts";
import { otherTokens, readRenewalCode, readToken, withoutDeadTokens } from "./presented.ts";
import type { FailedResume } from "./presented.ts";
import { digestOf, isSessionId, newVerifier, parseToken, writeToken } from "../handshake/token.ts";
import type { ParsedToken } from "../handshake/token.ts";

export type HeaderLine = readonly [name: string, value: string];

export interface AdmittedSession<Data extends object> {
  readonly state: SessionState<Data>;
  /** The fence of this very connection, which the state may have moved past since. */
  readonly fence: number;
  readonly resumed: boolean;
  /** What the application must tell the client, where no header does; a secret. */
  readonly token: string | undefined;
}

export interface Refused {
  readonly type: "refused";
  readonly status: number;
  readonly reason: string;
}

export interface AdmissionContext<Data extends object, Transport> {
  readonly settings: Settings<Data, Transport>;
  readonly diagnostics: Diagnostics;
  /** What is known of a session as the store is about to be asked, for `adopt`. */
  known(id: string): Mark | undefined;
  /** The one state of the session in this process, brought up to `stored` and kept for one more connection. */
  adopt(id: string, stored: StoredSession, asked?: Mark): SessionState<Data>;
  /** As `adopt`, for a session that was created for the connection. */
  adoptNew(id: string, stored: StoredSession): SessionState<Data>;
  /** Takes `adopt` and the store's `hold` back; destroys the session if no client ever learned of it. */
  giveBack(session: AdmittedSession<Data>): void;
  destroyStolen(id: string): void;
  report(error: unknown, context: ErrorContext): void;
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
  context: AdmissionContext<Data, Transport>,
  raw: Handshake,
  { sessionId, subject }: AcceptOptions,
): Promise<Opened<Data> | Refused> {
  const { token: carrier, onBadToken, store, idleMs } = context.settings;
  const token = sessionId === undefined ? readToken(carrier, raw) : undefined;
  const presented = sessionId === undefined ? [readRenewalCode(carrier, raw), token] : [{ id: sessionId }];
  const failed: FailedResume[] = [];
  let opened: Opened<Data> | Refused | undefined;
  try {
    opened = await openFirst(context, presented, subject, failed);
    if (opened === undefined && token !== undefined) {
      const others = otherTokens(carrier, raw, token);
      const alive = await withoutDeadTokens(store, others, { subject, idleMs }, failed);
      opened = await openFirst(context, alive, subject, failed);
    }
  } finally {
    for (const one of failed) if (!isOwnOlderToken(one, opened)) note(context, one.type, one.id);
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
  context: AdmissionContext<Data, Transport>,
  presented: readonly (string | { readonly id: string } | undefined)[],
  subject: string | undefined,
  failed: FailedResume[],
): Promise<Opened<Data> | Refused | undefined> {
  const { settings, diagnostics } = context;
  const { store, idleMs, exclusive } = settings;
  for (const one of presented) {
    if (one === undefined) continue;
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
      const asked = context.known(id);
      const nextDigest = next === undefined ? undefined : digestOf(next);
      result = await store.resume({ id, digest, nextDigest, subject, idleMs, hold: true, exclusive });
      if (result.type === "resumed") state = context.adopt(id, result.session, asked);
    } catch (error) {
      if (result !== undefined) await store.release(id);
      return unreadable(context, error, id);
    }
    if (result.type !== "resumed") failed.push({ type: result.type, id });
    else if (state !== undefined) return open(context, state, result, next);
  }
  return undefined;
}

function claimOf(presented: string | { readonly id: string }): Claim | undefined {
  if (typeof presented === "string") return parseToken(presented);
  const { id } = presented;
  return isSessionId(id) ? { id, digest: undefined, renews: false } : undefined;
}

function open<Data extends object, Transport>(
  context: AdmissionContext<Data, Transport>,
  state: SessionState<Data>,
  { session: stored, by }: Extract<ResumeResult, { type: "resumed" }>,
  next: string | undefined,
): Opened<Data> {
  const { fence, absoluteInMs } = stored;
  const renewed = by === "renewal" && next !== undefined ? writeToken(state.id, next) : undefined;
  const opened = tell(context, { state, fence, resumed: true, token: renewed }, absoluteInMs);
  context.diagnostics.sessionsResumed += 1;
  return opened;
}

/** Puts the session's token into a header, where the carrier writes one. The session is given back where that fails. */
export function tell<Data extends object, Transport>(
  context: AdmissionContext<Data, Transport>,
  session: AdmittedSession<Data>,
  maxAgeMs: number,
): Opened<Data> {
  const { token } = session;
  if (token === undefined) return { session };
  try {
    const header = context.settings.token?.write?.(token, maxAgeMs);
    if (header !== undefined) assertHeader(header[0], header[1]);
    return header === undefined ? { session } : { session: { ...session, token: undefined }, header };
  } catch (error) {
    context.giveBack(session);
    throw error;
  }
}

function note<Data extends object, Transport>(
  context: AdmissionContext<Data, Transport>,
  type: Exclude<ResumeResult["type"], "resumed">,
  id: string,
): void {
  const { settings, diagnostics } = context;
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
      context.report(new Error("a session's previous token was presented after its grace"), {
        stage: "theft",
        sessionId: id,
      });
      if (settings.destroyOnTheft) context.destroyStolen(id);
  }
}

/** A stored session that can't be read is left as it is. */
function unreadable<Data extends object, Transport>(
  context: AdmissionContext<Data, Transport>,
  error: unknown,
  id: string,
): Opened<Data> | Refused {
  if (!isUnreadable(error)) throw error;
  context.report(error, { stage: "store", sessionId: id });
  return context.settings.onCorruptRecord === "fresh" ? {} : refused(503, "session can't be read");
}

/** Opens a session by its token, without a connection: for an HTTP request. */
import type { Session } from "../api/contract.ts";
import type { OpenOptions } from "../api/sessions.ts";
import { assertBoolean, assertOptions, assertString } from "../base/arguments.ts";
import { isUnreadable, withoutConnectionError } from "../base/errors.ts";
import { assertOptionalSubject } from "../base/names.ts";
import { MAX_TOKENS, parseToken } from "../handshake/token.ts";
import { OpenedHandle } from "../session/opened-handle.ts";
import type { PendingDecision } from "../session/pending.ts";
import type { SessionRegistry } from "../session/registry.ts";
import type { FailedResume } from "./presented.ts";
import { countFailedResumes } from "./failed-resumes.ts";

export interface OpenRequest {
  readonly tokens: readonly string[];
  readonly subject: string | undefined;
  readonly touch: boolean;
}

/** Checks the arguments of `open`. The tokens are those of one request, without repeats; as in a handshake, four are tried. */
export function checkOpen(token: string | readonly string[], options: OpenOptions): OpenRequest {
  const tokens: readonly unknown[] = Array.isArray(token) ? token : [token];
  for (const one of tokens) assertString("open()'s token", one);
  assertOptions("open()", options, ["subject", "touch"]);
  const { subject, touch = true } = options;
  assertOptionalSubject("open()", subject);
  assertBoolean("open()'s touch", touch);
  const texts = tokens.filter((one) => typeof one === "string");
  return { tokens: [...new Set(texts)].slice(0, MAX_TOKENS), subject, touch };
}

/**
 * Opens the session of the first token that names one; `undefined` if none does. Failed tokens are counted and reported as those
 * of a handshake. The handle is administrative: an HTTP request is not a connection, so it has no fence, and never takes a
 * session over (I13).
 */
export async function openSession<Data extends object>(
  registry: SessionRegistry<Data>,
  { tokens, subject, touch }: OpenRequest,
): Promise<Session<Data> | undefined> {
  if (!registry.store.capabilities.resumable) throw withoutConnectionError("open");
  const decision = registry.pending.begin(subject);
  const failed: FailedResume[] = [];
  let opened: Session<Data> | undefined;
  try {
    for (const token of tokens) {
      opened = await openOne(registry, token, touch, decision, failed);
      if (opened !== undefined) return opened;
    }
    return undefined;
  } finally {
    decision.dispose();
    countFailedResumes(registry, failed, opened?.id);
  }
}

async function openOne<Data extends object>(
  registry: SessionRegistry<Data>,
  token: string,
  touch: boolean,
  decision: PendingDecision,
  failed: FailedResume[],
): Promise<Session<Data> | undefined> {
  const { settings, store, diagnostics, calls } = registry;
  const claim = parseToken(token);
  // A renewal code is not a token. A use would replace the token, and no connection could carry the new one.
  if (claim === undefined || claim.renews) {
    diagnostics.tokensMalformed += 1;
    return undefined;
  }
  const { id, digest } = claim;
  const { subject } = decision;
  const { idleMs } = settings;
  const versionAtRequest = registry.versionAtRequest(id);
  decision.expectSession(id);
  try {
    const common = { nextDigest: undefined, hold: false, exclusive: false };
    const result = await calls.ask(() => store.resume({ id, digest, subject, idleMs, touch, ...common }));
    if (result.type !== "resumed") {
      failed.push({ type: result.type, id });
      return undefined;
    }
    // The session, or all sessions of the subject, were destroyed after the store's answer (race): the token names no session.
    if (decision.sessionEnding !== undefined || decision.ending !== undefined) {
      failed.push({ type: "missing", id });
      return undefined;
    }
    const { session } = result;
    const state = registry.stateForHandle(id, session, versionAtRequest);
    return new OpenedHandle(state, digest);
  } catch (error) {
    if (!isUnreadable(error) || settings.onCorruptRecord === "refuse") throw error;
    registry.report(error, { stage: "store", sessionId: id });
    return undefined;
  }
}

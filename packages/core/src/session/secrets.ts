/** The replacement of a session's token: login, rotation, and a session that gets its subject. */
import { CloseCode } from "../base/close-codes.ts";
import { GONE, REPLACED_BY_LOGIN } from "../base/endings.ts";
import { fencedError, goneError, revokedError, tooManySessionsError } from "../base/errors.ts";
import { applied } from "../base/promises.ts";
import { publishDestroyed } from "../base/telemetry.ts";
import { digestOf, newVerifier, writeRenewalCode, writeToken } from "../handshake/token.ts";
import type { RotateResult } from "../store/contract.ts";
import { adoptRotated } from "./adopt-written.ts";
import type { LocalSession } from "./local-session.ts";
import type { PendingDecision } from "./pending.ts";
import { SubjectLogin } from "./takeover.ts";
import { writesOf } from "./write-queue.ts";

export interface Replacement {
  /** The decision that names the new subject; `undefined`: the subject stays. */
  readonly decision: PendingDecision | undefined;
  /** Whether to refuse a session of another subject. A session without a subject, or of this subject, is changed. */
  readonly onlyUnowned: boolean;
  /** The digest of the token to replace; `undefined`: whichever is current. Another current token answers `foreign`. */
  readonly replaces: string | undefined;
  /** How long the replaced token stays valid, milliseconds. */
  readonly graceMs: number;
  /** Whether a login takes the subject over (`exclusive: "subject"`). False before the connection exists. */
  readonly takesSubject: boolean;
  /** Returns the fence when the request is sent. The fence may rise while the request waits for other writes. */
  readonly fence: () => number | undefined;
}

/** The new token and renewal code, or why there are none. */
export type Replaced =
  | {
      readonly type: "replaced";
      readonly token: string;
      /** The digest of the new token. */
      readonly digest: string;
      readonly renewalCode: string;
    }
  | { readonly type: "missing" }
  | { readonly type: "foreign" };

/**
 * Replaces a session's token. With a decision about a subject, the session gets the subject in the same step. Rejects with
 * REVOKED if the subject's sessions were destroyed since the decision, and with FENCED for a fence that is too low.
 */
export async function replaceToken<Data extends object>(
  state: LocalSession<Data>,
  { decision, onlyUnowned, replaces, graceMs, takesSubject, fence }: Replacement,
): Promise<Replaced> {
  const subject = decision?.subject;
  const verifier = newVerifier();
  const digest = digestOf(verifier);
  const code = newVerifier();
  let versionAtRequest = state.versionStamp;
  const result = await writesOf(state).alone((): RotateResult | PromiseLike<RotateResult> => {
    if (state.isGone) throw goneError();
    decision?.assertNotEnded();
    versionAtRequest = state.versionStamp;
    const { store, settings } = state.context;
    const request = {
      id: state.id,
      digest,
      renewalDigest: digestOf(code),
      renewalMs: settings.graceMs,
      graceMs,
      subject,
      onlyUnowned,
      replaces,
      fence: fence(),
      known: state.version,
      lineage: state.lineage,
      decidedAt: decision?.decidedAt,
      limit: subject === undefined ? undefined : settings.subjectLimit,
    };
    const login = takesSubject ? SubjectLogin.begin(state, subject) : undefined;
    const rotating = login === undefined ? store.rotate(request) : login.rotate(() => store.rotate(request));
    return applied(rotating, (answer) => {
      if (answer.type !== "rotated") return answer;
      for (const id of answer.ended ?? []) state.context.endSession(id, REPLACED_BY_LOGIN);
      publishDestroyed(answer.ended ?? [], "limit");
      adoptRotated(state, answer, versionAtRequest, subject);
      return answer;
    });
  });
  switch (result.type) {
    case "missing":
      state.endSession(GONE);
      return result;
    case "foreign":
      return result;
    case "fenced":
      throw fencedError();
    case "revoked":
      throw revokedError();
    case "crowded":
      throw tooManySessionsError();
    case "replaced":
      state.endSession(REPLACED_BY_LOGIN);
      throw fencedError();
    case "rotated":
  }
  if (decision?.ending?.code === CloseCode.Destroyed) {
    // The destruction may have reached the store before this session had the subject, and missed the session. So destroy it here.
    const { destroyed } = await state.context.store.destroy(state.id, decision.ending.reason, false);
    publishDestroyed(destroyed, "call");
    state.endSession(decision.ending);
    throw revokedError();
  }
  const { id } = state;
  return {
    type: "replaced",
    token: writeToken(id, verifier),
    digest,
    renewalCode: writeRenewalCode(id, code),
  };
}

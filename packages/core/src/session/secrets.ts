import { CloseCode } from "../base/close-codes.ts";
import { GONE } from "../base/endings.ts";
import { fencedError, goneError, revokedError } from "../base/errors.ts";
import { digestOf, newVerifier, writeRenewalCode, writeToken } from "../handshake/token.ts";
import type { RotateResult } from "../store/contract.ts";
import type { LocalSession } from "./local-session.ts";
import type { PendingDecision } from "./pending.ts";
import { writesOf } from "./write-queue.ts";

export interface Replacement {
  /** Whose the session becomes, by the time of whose decision; `undefined`: it stays whose it is. */
  readonly decision: PendingDecision | undefined;
  /** Only a session that is nobody's, or the subject's already, becomes the subject's. */
  readonly onlyUnowned: boolean;
  /** How long the token before stays good, milliseconds. */
  readonly graceMs: number;
  /** Asked as the store is: a fence may be raised while other writes are waited for. */
  readonly fence: () => number | undefined;
}

/** The token and the renewal code that are good from now on, or what was in the way. */
export type Replaced =
  | { readonly type: "replaced"; readonly token: string; readonly renewalCode: string }
  | { readonly type: "missing" }
  | { readonly type: "foreign" };

/**
 * Replaces a session's token; with a decision about a subject the session becomes the subject's in the same step. Rejects with
 * REVOKED where the subject's sessions were destroyed since the decision, and with FENCED.
 */
export async function replaceToken<Data extends object>(
  state: LocalSession<Data>,
  { decision, onlyUnowned, graceMs, fence }: Replacement,
): Promise<Replaced> {
  const subject = decision?.subject;
  const verifier = newVerifier();
  const code = newVerifier();
  let versionAtRequest = state.versionStamp;
  const result = await writesOf(state).alone((): RotateResult | PromiseLike<RotateResult> => {
    if (state.gone) throw goneError();
    decision?.assertStands();
    versionAtRequest = state.versionStamp;
    return state.context.store.rotate({
      id: state.id,
      digest: digestOf(verifier),
      renewalDigest: digestOf(code),
      renewalMs: state.context.settings.graceMs,
      graceMs,
      subject,
      onlyUnowned,
      fence: fence(),
      known: state.version,
      lineage: state.lineage,
      decidedAt: decision?.decidedAt,
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
    case "rotated":
  }
  if (decision?.ending?.code === CloseCode.Destroyed) {
    // The store may have been told to destroy the subject's sessions before this one was the subject's.
    await state.context.store.destroy(state.id, decision.ending.reason, false);
    state.endSession(decision.ending);
    throw revokedError();
  }
  if (result.session !== undefined) state.adopt(result.session, versionAtRequest);
  else if (subject !== undefined) state.identified(versionAtRequest, result, subject);
  const { id } = state;
  return {
    type: "replaced",
    token: writeToken(id, verifier),
    renewalCode: writeRenewalCode(id, code),
  };
}

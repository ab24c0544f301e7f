/** Creates a session without a connection: for an HTTP login. */
import type { Session } from "../api/contract.ts";
import type { CreateOptions } from "../api/sessions.ts";
import { assertOptions } from "../base/arguments.ts";
import { revokedError, withoutConnectionError } from "../base/errors.ts";
import { assertLifetimes, LIFETIME_OPTIONS } from "../base/lifetimes.ts";
import type { Lifetimes } from "../base/lifetimes.ts";
import { assertOptionalSubject } from "../base/names.ts";
import { newSelector } from "../handshake/token.ts";
import { createStored } from "../session/creation.ts";
import { SessionHandle } from "../session/handle.ts";
import { givenLifetimes } from "../session/own-lifetimes.ts";
import type { PendingDecision } from "../session/pending.ts";
import type { SessionRegistry } from "../session/registry.ts";

export interface CreationRequest {
  readonly subject: string | undefined;
  readonly lifetimes: Lifetimes | undefined;
}

/** Checks the options of `create`. */
export function checkCreate(options: CreateOptions): CreationRequest {
  assertOptions("create()", options, ["subject", ...LIFETIME_OPTIONS]);
  const { subject, idleMs, absoluteMs, expiresAt } = options;
  assertOptionalSubject("create()", subject);
  assertLifetimes("create()", { idleMs, absoluteMs, expiresAt });
  return { subject, lifetimes: givenLifetimes({ idleMs, absoluteMs, expiresAt }) };
}

/** Rejects with REVOKED if the subject's sessions were destroyed meanwhile. */
export async function createSession<Data extends object>(
  registry: SessionRegistry<Data>,
  data: Data,
  wanted: CreationRequest,
): Promise<{ session: Session<Data>; token: string }> {
  const decision = registry.pending.begin(wanted.subject);
  try {
    return await createBy(decision, registry, data, wanted);
  } finally {
    decision.dispose();
  }
}

/** As `createSession`, for a login that has a decision already. The caller disposes of the decision. */
export async function createBy<Data extends object>(
  decision: PendingDecision,
  registry: SessionRegistry<Data>,
  data: Data,
  { subject, lifetimes }: CreationRequest,
): Promise<{ session: Session<Data>; token: string }> {
  registry.calls.assertNotClosed();
  if (!registry.store.capabilities.resumable) throw withoutConnectionError("create");
  decision.assertNotEnded();
  const id = newSelector();
  decision.expectSession(id);
  const { decidedAt } = decision;
  const wanted = { id, data, isChecked: false, subject, decidedAt, lifetimes, hold: false, hasToken: true };
  const { stored, token = "" } = await createStored(registry, wanted);
  const state = registry.adoptCreated(id, stored);
  if (decision.ending !== undefined) {
    registry.destroyUnused(id);
    throw revokedError();
  }
  // Another call destroyed the session before this process got the answer. Without this line the handle would still accept writes.
  if (decision.sessionEnding !== undefined) state.endSession(decision.sessionEnding);
  return { session: new SessionHandle(state, undefined), token };
}

/** The creation of a session in the store, with its token. */
import { REPLACED_BY_LOGIN } from "../base/endings.ts";
import { fencedError, revokedError, SessionError, tooManySessionsError } from "../base/errors.ts";
import type { Lifetimes } from "../base/lifetimes.ts";
import { publishDestroyed } from "../base/telemetry.ts";
import { checkNewData } from "./data.ts";
import type { SessionContext } from "./local-session.ts";
import { withAnswer } from "./store-calls.ts";
import { absoluteInMsOf, assertSupported, ownOf, unsupported } from "./own-lifetimes.ts";
import type { CreateRequest, CreateResult, StoredSession } from "../store/contract.ts";
import { digestOf, newVerifier, writeToken } from "../handshake/token.ts";

export interface NewSession {
  readonly id: string;
  readonly data: object;
  /** Whether `data` has passed the schema already. */
  readonly isChecked: boolean;
  readonly subject: string | undefined;
  /** Whether the store counts a connection of this process as a holder from the start. */
  readonly hold: boolean;
  /** Whether the session gets a token. */
  readonly hasToken: boolean;
  /** The lifetimes that the application gave the session; `undefined`: those of the options. */
  readonly lifetimes: Lifetimes | undefined;
  /** When the subject was named, by `performance.now()`. */
  readonly decidedAt: number | undefined;
}

export interface Created {
  readonly id: string;
  readonly stored: StoredSession;
  /** A secret; `undefined` for a session without a token. */
  readonly token: string | undefined;
}

/** Creates a session in the store, in the same tick if the store answers synchronously. Throws, or rejects, with typed errors. */
export function createStored<Data extends object>(
  context: SessionContext<Data>,
  wanted: NewSession,
): Created | Promise<Created> {
  const { store, schema, schemaVersion, idleMs, absoluteMs, exclusive, subjectLimit } = context.settings;
  const { id, subject, hold, decidedAt, lifetimes = {} } = wanted;
  if (wanted.lifetimes !== undefined) assertSupported(store);
  const own = ownOf(lifetimes);
  const verifier = wanted.hasToken ? newVerifier() : undefined;
  const created = (result: CreateResult): Created => {
    if (result.type !== "created") throw refusal(result.type);
    if (own?.idleMs !== undefined && result.session.own?.idleMs === undefined) {
      // A wrapper may pass `extend` on to its store and drop `own`. The session would then have the idle time of the options.
      if (hold) context.releaseInStore(id);
      context.destroyUnused(id);
      throw unsupported();
    }
    context.diagnostics.sessionsCreated += 1;
    for (const ended of result.ended ?? []) context.endSession(ended, REPLACED_BY_LOGIN);
    publishDestroyed(result.ended ?? [], "limit");
    return {
      id,
      stored: result.session,
      token: verifier === undefined ? undefined : writeToken(id, verifier),
    };
  };
  const request: CreateRequest = {
    id,
    digest: verifier === undefined ? undefined : digestOf(verifier),
    data: wanted.isChecked ? wanted.data : checkNewData(schema, wanted.data),
    subject,
    schemaVersion,
    idleMs: own?.idleMs ?? idleMs,
    absoluteMs: absoluteInMsOf({ ...lifetimes, absoluteMs: own?.absoluteMs ?? absoluteMs }) ?? absoluteMs,
    own,
    hold,
    exclusive: exclusive && hold,
    decidedAt,
    limit: subject === undefined ? undefined : subjectLimit,
  };
  return withAnswer(() => store.create(request), created);
}

function refusal(type: Exclude<CreateResult["type"], "created">): SessionError {
  const outcome = "not-applied";
  switch (type) {
    case "full":
      return new SessionError("STORE_FULL", "the store is full, and all its sessions have live connections", {
        outcome,
      });
    case "revoked":
      return revokedError();
    case "crowded":
      return tooManySessionsError();
    case "replaced":
      return fencedError();
    case "exists":
      return new SessionError("CONFLICT", "the store has, or had a short time ago, a session with this id", {
        outcome,
      });
  }
}

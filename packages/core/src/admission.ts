import { createStored } from "./creation.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { isSessionError, SessionError } from "./errors.ts";
import { accept, assertHeader, originAllowed, reject } from "./handshake.ts";
import type { AcceptOptions, Admission, Handshake } from "./handshake.ts";
import type { ErrorContext, Settings, Stage } from "./options.ts";
import { checkData } from "./session-state.ts";
import type { SessionState } from "./session-state.ts";
import type { ResumeResult, StoredSession } from "./store.ts";
import { digestOf, isSessionId, newSelector, newVerifier, parseToken } from "./token.ts";

type HeaderLine = readonly [name: string, value: string];

/** An admitted handshake: all that its connection starts with. */
export interface Admitted<Data extends object, Transport> {
  readonly type: "admitted";
  readonly handshake: Handshake;
  readonly transport: Transport;
  readonly headers: readonly HeaderLine[];
  /** The session that was resumed or created, held already; `undefined` where it is set after the answer. */
  readonly session: AdmittedSession<Data> | undefined;
  /** Data for a session that is kept on the connection, and so is created with it. */
  readonly initial: Data | undefined;
  readonly subject: string | undefined;
}

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
  /** The one state of the session in this process, brought up to `stored` and kept for one more connection. */
  adopt(id: string, stored: StoredSession): SessionState<Data>;
  /** Takes `adopt` and the store's `hold` back; destroys the session if no client ever learned of it. */
  giveBack(session: AdmittedSession<Data>): void;
  destroyStolen(id: string): void;
  report(error: unknown, context: ErrorContext): void;
}

interface Opened<Data extends object> {
  readonly session?: AdmittedSession<Data>;
  readonly header?: HeaderLine;
}

/**
 * Decides on a handshake before it is answered: origin, then the application's `admit`, then the token, then `initial`.
 * Never rejects.
 */
export async function admitHandshake<Data extends object, Transport>(
  context: AdmissionContext<Data, Transport>,
  raw: Handshake,
  found: unknown,
): Promise<Admitted<Data, Transport> | Refused> {
  const { settings } = context;
  let stage: Stage = "admit";
  let opened: Opened<Data> | Refused = {};
  try {
    const handshake = withoutTokenProtocol(raw, settings);
    if (!originAllowed(settings.origins, handshake)) return refused(403, "origin not allowed");
    const admission = settings.admit === undefined ? accept() : await settings.admit(handshake);
    if (admission.type === "reject") {
      // Checked again: an application may build its answer without `reject()`.
      reject(admission.status);
      return refused(admission.status, admission.reason);
    }
    assertAccepted(admission);
    const { subject } = admission;
    const headers: HeaderLine[] = Object.entries(admission.headers ?? {});
    for (const [name, value] of headers) assertHeader(name, value);

    stage = "store";
    opened = await resume(context, raw, admission);
    if ("type" in opened) return opened;

    let initial: Data | undefined;
    if (opened.session === undefined && settings.initial !== undefined) {
      stage = "initial";
      initial = checkData(settings.schema, await settings.initial(handshake));
      if (settings.store.capabilities.resumable) {
        stage = "store";
        opened = await create(context, initial, subject);
      }
    }
    if (opened.header !== undefined) headers.push(opened.header);

    stage = "transport";
    const transport =
      settings.transport === undefined
        ? // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its type is what the application says it is
          (found as Transport)
        : settings.transport(handshake, found);
    return { type: "admitted", handshake, transport, headers, session: opened.session, initial, subject };
  } catch (error) {
    if ("session" in opened && opened.session !== undefined) context.giveBack(opened.session);
    context.report(error, { stage });
    return failure(error);
  }
}

/** Checked here, where a caller without types fails closed: whatever is no admission lets nobody in. */
function assertAccepted(admission: Exclude<Admission, { type: "reject" }>): void {
  const { type, subject } = admission;
  if (type !== "accept") {
    throw new SessionError("INVALID_ARGUMENT", "admit answers with accept(…) or reject(…)");
  }
  if (subject !== undefined && (typeof subject !== "string" || subject === "")) {
    throw new SessionError("INVALID_ARGUMENT", "accept() takes a subject's name, a string that is not empty");
  }
}

function failure(error: unknown): Refused {
  if (isSessionError(error, "STORE_UNAVAILABLE")) return refused(503, "session store unavailable");
  if (isSessionError(error, "STORE_FULL")) return refused(503, "too many sessions");
  if (isSessionError(error, "REVOKED")) return refused(401, "sessions revoked");
  return refused(500, "internal error");
}

function refused(status: number, reason: string): Refused {
  return { type: "refused", status, reason };
}

/** A token that travels as a subprotocol is not one to choose, nor for the application's eyes. */
function withoutTokenProtocol<Data extends object, Transport>(
  raw: Handshake,
  settings: Settings<Data, Transport>,
): Handshake {
  const isToken = settings.token?.isTokenProtocol;
  if (isToken === undefined || !raw.protocols.some(isToken)) return raw;
  const protocols = raw.protocols.filter((name) => !isToken(name));
  const headers: Record<string, string> = Object.create(null);
  Object.assign(headers, raw.headers, { "sec-websocket-protocol": protocols.join(", ") });
  return { ...raw, protocols, headers };
}

/** Finds the session that the token, or the application, names. A failed resume changes nothing and reveals nothing. */
async function resume<Data extends object, Transport>(
  context: AdmissionContext<Data, Transport>,
  raw: Handshake,
  { sessionId: vouchedFor, subject }: AcceptOptions,
): Promise<Opened<Data> | Refused> {
  const { settings, diagnostics } = context;
  const { store, token: carrier } = settings;
  const presented =
    vouchedFor === undefined ? (carrier?.readRenewal?.(raw) ?? carrier?.read(raw)) : undefined;
  if (vouchedFor === undefined && presented === undefined) return {};
  const bad = (): Opened<Data> | Refused =>
    settings.onBadToken === "refuse" ? refused(401, "session token refused") : {};

  const parsed = presented === undefined ? undefined : parseToken(presented);
  const id = vouchedFor ?? parsed?.id;
  if (id === undefined || !isSessionId(id)) {
    diagnostics.tokensMalformed += 1;
    return bad();
  }
  const nextVerifier = newVerifier();
  let result: ResumeResult;
  try {
    result = await store.resume({
      id,
      digest: parsed?.digest,
      nextDigest: digestOf(nextVerifier),
      idleMs: settings.idleMs,
      hold: true,
      exclusive: settings.exclusive,
    });
  } catch (error) {
    return unreadable(context, error, id);
  }
  switch (result.type) {
    case "missing":
      diagnostics.tokensUnknown += 1;
      return bad();
    case "wrong":
      diagnostics.tokensWrong += 1;
      return bad();
    case "stolen":
      diagnostics.tokensStolen += 1;
      context.report(new Error("a session's previous token was presented after its grace"), {
        stage: "theft",
        sessionId: id,
      });
      if (settings.destroyOnTheft) context.destroyStolen(id);
      return bad();
    case "resumed":
      break;
  }
  let state: SessionState<Data>;
  try {
    state = context.adopt(id, result.session);
  } catch (error) {
    await store.release(id);
    return unreadable(context, error, id);
  }
  if (isForeign(state.subject, subject, vouchedFor !== undefined)) {
    diagnostics.tokensForeign += 1;
    context.giveBack({ state, fence: result.session.fence, resumed: true, token: undefined });
    return bad();
  }
  diagnostics.sessionsResumed += 1;
  const renewed = result.by === "renewal" ? `${id}.${nextVerifier}` : undefined;
  const header = renewed === undefined ? undefined : carrier?.write?.(renewed, result.session.absoluteInMs);
  const token = header === undefined ? renewed : undefined;
  const session = { state, fence: result.session.fence, resumed: true, token };
  return header === undefined ? { session } : { session, header };
}

/** One that the application names itself may still be nobody's. */
function isForeign(owner: string | undefined, subject: string | undefined, isVouchedFor: boolean): boolean {
  if (subject === undefined || owner === subject) return false;
  return !(isVouchedFor && owner === undefined);
}

/** A stored session that can't be read is left as it is. */
function unreadable<Data extends object, Transport>(
  context: AdmissionContext<Data, Transport>,
  error: unknown,
  id: string,
): Opened<Data> | Refused {
  if (!isSessionError(error, "CORRUPT_RECORD") && !isSessionError(error, "INVALID_DATA")) throw error;
  context.report(error, { stage: "store", sessionId: id });
  return context.settings.onCorruptRecord === "fresh" ? {} : refused(503, "session can't be read");
}

/** Creates the session of a newcomer, with a token if a carrier can take it there. */
async function create<Data extends object, Transport>(
  context: AdmissionContext<Data, Transport>,
  data: Data,
  subject: string | undefined,
): Promise<Opened<Data>> {
  const carrier = context.settings.token;
  const wanted = { id: newSelector(), data, subject, hold: true, token: carrier !== undefined };
  const { id, stored, token } = await createStored(context, wanted);
  const state = context.adopt(id, stored);
  const header = token === undefined ? undefined : carrier?.write?.(token, context.settings.absoluteMs);
  const session = {
    state,
    fence: stored.fence,
    resumed: false,
    token: header === undefined ? token : undefined,
  };
  return header === undefined ? { session } : { session, header };
}

import { createStored } from "../session/creation.ts";
import { invalidArgument, isSessionError } from "../base/errors.ts";
import { accept, originAllowed, reject } from "../handshake/handshake.ts";
import type { Admission, Handshake } from "../handshake/handshake.ts";
import type { Settings, Stage } from "../api/options.ts";
import { refused, resume, tell } from "./resume.ts";
import type { AdmissionContext, AdmittedSession, HeaderLine, Opened, Refused } from "./resume.ts";
import { checkData } from "../session/data.ts";
import { isRefusedPromise, isThenable } from "../base/promises.ts";
import { newSelector } from "../handshake/token.ts";

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
    // What is answered at once is not waited for: the question to the store leaves in this turn.
    const asked = settings.admit === undefined ? accept() : settings.admit(handshake);
    // Without types it may be anything.
    const admission: Admission | null | undefined = isThenable(asked) ? await asked : asked;
    if (admission?.type === "reject") {
      // Checked again: an application may build its answer without `reject()`.
      reject(admission.status, admission.reason);
      return refused(admission.status, admission.reason);
    }
    assertAccepted(admission);
    const { subject } = admission;
    const headers: HeaderLine[] = Object.entries(admission.headers ?? {});

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
    const transport = transportOf(settings, handshake, found);
    return { type: "admitted", handshake, transport, headers, session: opened.session, initial, subject };
  } catch (error) {
    if ("session" in opened && opened.session !== undefined) context.giveBack(opened.session);
    context.report(error, { stage });
    return failure(error);
  }
}

function transportOf<Data extends object, Transport>(
  settings: Settings<Data, Transport>,
  handshake: Handshake,
  found: unknown,
): Transport {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its type is what the application says it is
  if (settings.transport === undefined) return found as Transport;
  const transport = settings.transport(handshake, found);
  if (isRefusedPromise(transport)) throw invalidArgument("transport must be synchronous");
  return transport;
}

type Accepted = Extract<Admission, { type: "accept" }>;

/** Checked here, where a caller without types fails closed: whatever is no admission lets nobody in. */
function assertAccepted(admission: Accepted | null | undefined): asserts admission is Accepted {
  if (admission?.type !== "accept") throw invalidArgument("admit answers with accept(…) or reject(…)");
  const { type: _, ...options } = admission;
  accept(options);
}

function failure(error: unknown): Refused {
  if (isSessionError(error, "STORE_UNAVAILABLE")) return refused(503, "session store unavailable");
  if (isSessionError(error, "STORE_FULL")) return refused(503, "too many sessions");
  if (isSessionError(error, "REVOKED")) return refused(401, "sessions revoked");
  return refused(500, "internal error");
}

/** A token that travels as a subprotocol is not one to choose, nor for the application's eyes. */
function withoutTokenProtocol<Data extends object, Transport>(
  raw: Handshake,
  settings: Settings<Data, Transport>,
): Handshake {
  const { token } = settings;
  const isToken = (name: string): boolean => token?.isTokenProtocol?.(name) === true;
  if (!raw.protocols.some(isToken)) return raw;
  const protocols = raw.protocols.filter((name) => !isToken(name));
  const headers: Record<string, string> = Object.create(null);
  Object.assign(headers, raw.headers, { "sec-websocket-protocol": protocols.join(", ") });
  return { ...raw, protocols, headers };
}

/** Creates the session of a newcomer, with a token if a carrier can take it there. */
async function create<Data extends object, Transport>(
  context: AdmissionContext<Data, Transport>,
  data: Data,
  subject: string | undefined,
): Promise<Opened<Data>> {
  const wanted = {
    id: newSelector(),
    data,
    subject,
    hold: true,
    token: context.settings.token !== undefined,
  };
  const { id, stored, token } = await createStored(context, wanted);
  const state = context.adoptNew(id, stored);
  return tell(context, { state, fence: stored.fence, resumed: false, token }, context.settings.absoluteMs);
}

import { createStored } from "../session/creation.ts";
import { REPLACED } from "../base/endings.ts";
import { invalidArgument, isSessionError } from "../base/errors.ts";
import { accept, originAllowed, reject } from "../handshake/handshake.ts";
import type { Admission, Handshake } from "../handshake/handshake.ts";
import type { Stage } from "../api/error-context.ts";
import type { Settings } from "../api/settings.ts";
import { refused, withTokenHeader } from "./resolved.ts";
import type { ResolvedSession, Refused } from "./resolved.ts";
import { resume } from "./resume.ts";
import { assertSupported, givenLifetimes } from "../session/own-lifetimes.ts";
import { Admitted } from "../session/admitted.ts";
import { carriesToken } from "../handshake/carrier-answers.ts";
import { headerLines } from "../handshake/headers.ts";
import type { HeaderLine } from "../handshake/headers.ts";
import { checkNewData } from "../session/data.ts";
import type { PendingDecision } from "../session/pending.ts";
import type { SessionRegistry } from "../session/registry.ts";
import { isRefusedPromise, isThenable } from "../base/promises.ts";
import { withoutProtocols } from "../handshake/subprotocol.ts";
import { onRefusedOrigin } from "./refused-origin.ts";
import { newSelector } from "../handshake/token.ts";

/**
 * Decides on a handshake before it is answered: the origin, then the application's `admit`, then the token, then `initial`. If
 * `decision` is ended meanwhile (the subject's sessions were destroyed, the server closes), the handshake is refused, and its
 * session is released. Never rejects.
 */
export async function admitHandshake<Data extends object>(
  registry: SessionRegistry<Data>,
  raw: Handshake,
  found: unknown,
  decision: PendingDecision,
): Promise<Admitted<Data> | Refused> {
  const { settings } = registry;
  let outcome: Admitted<Data> | Refused;
  try {
    const handshake = withoutTokenProtocol(raw, settings);
    if (!originAllowed(settings.origins, handshake)) {
      onRefusedOrigin(registry, handshake);
      return { ...refused("origin", 403, "origin not allowed"), isOfOtherOrigin: true };
    }
    // Await only a promise, because otherwise the request to the store would be sent a turn later.
    const asked = settings.admit === undefined ? accept() : settings.admit(handshake, found);
    // A program without types may return anything.
    const admission: Admission | null | undefined = isThenable(asked) ? await asked : asked;
    if (admission?.type === "reject") {
      // Check the answer here too, because an application may build it without `reject()`.
      const { status, reason, headers } = admission;
      reject(status, reason, { headers });
      return { ...refused("admit", status, reason), headers: headerLines("reject()", headers, true) };
    }
    assertAccepted(admission);
    const headers = headerLines("accept()", admission.headers, false);
    decision.decide(admission.subject);
    decision.lifetimes = givenLifetimes(admission);
    if (decision.lifetimes !== undefined) assertSupported(settings.store);
    outcome = await resolveSession(registry, { raw, handshake, found, headers, admission }, decision);
  } catch (error) {
    registry.report(error, { stage: "admit" });
    outcome = failure(error);
  }
  if (outcome.type === "refused") decision.dispose();
  return outcome;
}

interface Accepting {
  readonly raw: Handshake;
  readonly handshake: Handshake;
  readonly found: unknown;
  readonly headers: readonly HeaderLine[];
  readonly admission: Accepted;
}

/** Carries out the decision of `admit`. Shutdown waits for this call, so that a session of the handshake can be released. */
async function resolveSession<Data extends object>(
  registry: SessionRegistry<Data>,
  { raw, handshake, found, headers, admission }: Accepting,
  decision: PendingDecision,
): Promise<Admitted<Data> | Refused> {
  const { settings } = registry;
  let stage: Stage = "store";
  let resolved: ResolvedSession<Data> | Refused = {};
  registry.calls.begin();
  try {
    resolved = await resume(registry, raw, admission.sessionId, decision);
    if ("type" in resolved) {
      return resolved.byToken === "close" ? { ...resolved, closes: handshake } : resolved;
    }

    let initial: Data | undefined;
    if (resolved.session === undefined && settings.initial !== undefined) {
      decision.assertNotEnded();
      stage = "initial";
      initial = checkNewData(
        settings.schema,
        await registry.calls.uncounted(settings.initial(handshake, admission.context)),
      );
      if (settings.store.capabilities.resumable) {
        decision.assertNotEnded();
        stage = "store";
        resolved = await create(registry, initial, decision);
      }
    }
    decision.assertNotEnded();

    stage = "transport";
    const transport = transportOf(settings, handshake, found);
    const { session, header } = resolved;
    const lines = header === undefined ? headers : [...headers, header];
    return new Admitted(registry, {
      handshake,
      transport,
      context: admission.context,
      headers: lines,
      session,
      initial,
      decision,
    });
  } catch (error) {
    if ("session" in resolved && resolved.session !== undefined) registry.releaseAdmitted(resolved.session);
    if (!isOvertaken(error)) registry.report(error, { stage });
    const { code } = REPLACED;
    // Close with the code that open connections get, because a page can't read an HTTP status.
    if (isSessionError(error, "FENCED")) return { ...failure(error), code, closes: handshake };
    return failure(error);
  } finally {
    registry.calls.end();
  }
}

const OVERTAKEN = ["REVOKED", "FENCED", "TOO_MANY_SESSIONS", "SHUTTING_DOWN"] as const;

/**
 * Whether another call, or another login of the subject, overtook the decision. Neither the application nor the store failed, so
 * such an error is not reported.
 */
function isOvertaken(error: unknown): boolean {
  return OVERTAKEN.some((code) => isSessionError(error, code));
}

function transportOf<Data extends object>(
  settings: Settings<Data>,
  handshake: Handshake,
  found: unknown,
): unknown {
  if (settings.transport === undefined) return found;
  const transport = settings.transport(handshake, found);
  if (isRefusedPromise(transport)) throw invalidArgument("transport must be synchronous");
  return transport;
}

type Accepted = Extract<Admission, { type: "accept" }>;

/** Throws for an answer that is not an admission, so that a program without types fails closed. */
function assertAccepted(admission: Accepted | null | undefined): asserts admission is Accepted {
  if (admission?.type !== "accept") throw invalidArgument("admit must return accept(…) or reject(…)");
  const { type: _type, context: _context, ...options } = admission;
  accept(options);
}

function failure(error: unknown): Refused {
  if (isSessionError(error, "STORE_UNAVAILABLE")) return refused("store", 503, "session store unavailable");
  if (isSessionError(error, "STORE_FULL")) return refused("store", 503, "too many sessions");
  if (isSessionError(error, "REVOKED")) return refused("subject", 401, "sessions revoked");
  if (isSessionError(error, "FENCED")) return refused("subject", 401, REPLACED.reason);
  if (isSessionError(error, "TOO_MANY_SESSIONS"))
    return refused("subject", 403, "too many sessions of one subject");
  if (isSessionError(error, "SHUTTING_DOWN")) return refused("closing", 503, "server restarting");
  return refused("error", 500, "internal error");
}

/** Removes a subprotocol that carries a token, because the token must not be chosen as the subprotocol, or reach the application. */
function withoutTokenProtocol<Data extends object>(raw: Handshake, { token }: Settings<Data>): Handshake {
  return withoutProtocols(raw, (name) => carriesToken(token, name));
}

/** Creates the session of a new client, with a token if there is a carrier. */
async function create<Data extends object>(
  registry: SessionRegistry<Data>,
  data: Data,
  decision: PendingDecision,
): Promise<ResolvedSession<Data>> {
  const { subject, decidedAt, lifetimes } = decision;
  const hasToken = registry.settings.token !== undefined;
  const id = newSelector();
  decision.expectSession(id);
  const created = await createStored(registry, {
    id,
    data,
    isChecked: true,
    subject,
    decidedAt,
    lifetimes,
    hold: true,
    hasToken,
  });
  const { stored } = created;
  const state = registry.adoptNew(id, stored);
  if (decision.sessionEnding !== undefined) state.endSession(decision.sessionEnding);
  decision.markSessionReady();
  const session = { state, fence: stored.fence, resumed: false, token: created.token };
  const maxAgeMs = lifetimes === undefined ? registry.settings.absoluteMs : stored.absoluteInMs;
  return withTokenHeader(registry, session, maxAgeMs);
}

/** The result of an admission: a session for the connection, or a refusal of the handshake. */
import type { HandshakeRefusal } from "../base/telemetry-events.ts";
import { tokenHeader } from "../handshake/carrier-answers.ts";
import type { HeaderLine } from "../handshake/headers.ts";
import type { Handshake } from "../handshake/handshake.ts";
import type { SessionRegistry } from "../session/registry.ts";
import type { AdmittedSession } from "../session/unattached-connection.ts";

export interface Refused {
  readonly type: "refused";
  readonly status: number;
  readonly reason: string;
  /** Why the handshake was refused, for telemetry. */
  readonly refusal: HandshakeRefusal;
  /** True if the origin is not allowed. The answer to a page of that origin must reveal no more than the status. */
  readonly isOfOtherOrigin?: boolean | undefined;
  /** The answer of `onBadToken` or `onNoToken`, if the refusal follows from one of them. */
  readonly byToken?: "refuse" | "close" | undefined;
  /** The close code, if it does not follow from the status. */
  readonly code?: number | undefined;
  /**
   * The handshake in the form that the application gets. Set if the refusal is a close code for every client, also for a client
   * that does not use `v1.wsession`.
   */
  readonly closes?: Handshake | undefined;
  /** Headers of the application. */
  readonly headers?: readonly HeaderLine[] | undefined;
}

export interface ResolvedSession<Data extends object> {
  readonly session?: AdmittedSession<Data>;
  readonly header?: HeaderLine;
}

export function refused(refusal: HandshakeRefusal, status: number, reason: string): Refused {
  return { type: "refused", status, reason, refusal };
}

/** Puts the session's token into a header, if the carrier writes headers. Releases the session if the carrier throws. */
export function withTokenHeader<Data extends object>(
  registry: SessionRegistry<Data>,
  session: AdmittedSession<Data>,
  maxAgeMs: number,
): ResolvedSession<Data> {
  const { token } = session;
  if (token === undefined) return { session };
  try {
    const header = tokenHeader(registry.settings.token, token, maxAgeMs);
    return header === undefined ? { session } : { session: { ...session, token: undefined }, header };
  } catch (error) {
    registry.releaseAdmitted(session);
    throw error;
  }
}

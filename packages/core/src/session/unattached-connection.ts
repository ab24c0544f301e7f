import type { StoredSession } from "../store/contract.ts";
import type { LocalSession } from "./local-session.ts";
import type { SessionConnection } from "./session-connection.ts";
import type { PendingDecision } from "./pending.ts";

/** The part of a connection without a session that the registry uses. `LiveConnection` implements the interface. */
export interface UnattachedConnection<Data extends object> extends SessionConnection<Data> {
  resumed: boolean;
  token: string | undefined;
  /** The decision of `admit` about a session that is set later. */
  decision: PendingDecision | undefined;
  /** `found` is `undefined` for a new session. */
  attach(state: LocalSession<Data>, fence: number, found: FoundSession | undefined): void;
}

/**
 * The part of the stored session that a client needs, as of the resume of this connection. The connection gets every message that
 * is kept after the end of `outbox`.
 */
export type FoundSession = Pick<StoredSession, "outbox" | "clients">;

/** A session that was resumed or created for a connection that does not exist yet. */
export interface AdmittedSession<Data extends object> {
  readonly state: LocalSession<Data>;
  /** The fence of this connection. The fence of `state` may be higher by now. */
  readonly fence: number;
  readonly resumed: boolean;
  /** The token that the application must pass to the client if no header does. A secret. */
  readonly token: string | undefined;
  /** `undefined` for a new session. */
  readonly found?: FoundSession | undefined;
}

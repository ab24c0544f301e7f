import type { StoredSession } from "../store/contract.ts";
import type { LocalSession } from "./local-session.ts";
import type { SessionConnection } from "./session-connection.ts";
import type { PendingDecision } from "./pending.ts";

/** A connection that has no session yet, as the registry sees it. `LiveConnection` implements the interface. */
export interface UnattachedConnection<Data extends object> extends SessionConnection<Data> {
  readonly isEnding: boolean;
  resumed: boolean;
  fence: number;
  token: string | undefined;
  /** What `admit` decided about a session that is set later. */
  decision: PendingDecision | undefined;
  /** `found` is `undefined` for a new session. */
  attach(state: LocalSession<Data>, fence: number, found: FoundSession | undefined): void;
}

/**
 * The part of the stored session that the session's clients need, as of the time when the session was opened for this connection. The
 * connection gets every message that is kept after the end of `outbox`.
 */
export type FoundSession = Pick<StoredSession, "outbox" | "clients">;

/** A session that was resumed or created for a connection that does not exist yet. */
export interface AdmittedSession<Data extends object> {
  readonly state: LocalSession<Data>;
  /** The fence of this very connection. The state may have a higher one by now. */
  readonly fence: number;
  readonly resumed: boolean;
  /** The token that the application must pass to the client if no header does. A secret. */
  readonly token: string | undefined;
  /** `undefined` for a new session. */
  readonly found?: FoundSession | undefined;
}

import type { LocalSession } from "./local-session.ts";
import type { SessionConnection } from "./session-connection.ts";
import type { PendingDecision } from "./pending.ts";

/** A connection that waits for its session. */
export interface UnattachedConnection<Data extends object> extends SessionConnection<Data> {
  readonly isEnding: boolean;
  resumed: boolean;
  fence: number;
  token: string | undefined;
  /** What was decided about a session that is set later. */
  decision: PendingDecision | undefined;
  attach(state: LocalSession<Data>, fence: number): void;
}

/** A session that was opened or made for one connection, which is not there yet. */
export interface AdmittedSession<Data extends object> {
  readonly state: LocalSession<Data>;
  /** The fence of this very connection, which the state may have moved past since. */
  readonly fence: number;
  readonly resumed: boolean;
  /** What the application must tell the client, where no header does; a secret. */
  readonly token: string | undefined;
}

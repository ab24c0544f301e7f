import type { Position } from "@wsession/protocol";
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
  /** `outbox`: where the outbox ended as the session was opened for this connection. */
  attach(state: LocalSession<Data>, fence: number, outbox: Position | undefined): void;
}

/** A session that was resumed or created for one connection, which is not there yet. */
export interface AdmittedSession<Data extends object> {
  readonly state: LocalSession<Data>;
  /** The fence of this very connection. The state may have a higher one by now. */
  readonly fence: number;
  readonly resumed: boolean;
  /** The token that the application must give to the client, where no header does. A secret. */
  readonly token: string | undefined;
  /** Where the outbox ended as the session was opened: what is kept from then on is not missed. */
  readonly outbox?: Position | undefined;
}

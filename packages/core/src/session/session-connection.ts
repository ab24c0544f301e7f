import type { Connection, Renewal } from "../api/contract.ts";
import type { ReleaseReason } from "../store/presence-contract.ts";
import type { KeptRun } from "./kept-run.ts";

/** The part of a live connection that its session uses. `LiveConnection` implements the interface: sessions call up through it. */
export interface SessionConnection<Data extends object> {
  readonly id: string;
  /**
   * The fence that writes of the connection's handle carry (I13). `PENDING_FENCE` until its takeover is answered. `LOST_FENCE` if
   * another connection was first, or the takeover failed.
   */
  fence: number;
  /** Whether the connection has ended, or is about to end. */
  readonly isEnding: boolean;
  /** Why the connection ended, for the store. */
  readonly releaseReason: ReleaseReason | undefined;
  /** Whether a handler `transaction` runs. The handle then refuses writes, because the commit would not include them. */
  readonly isInTransaction: boolean;
  /** Whether a message arrived since the flag was last cleared. Such a message moves the idle deadline. */
  isActive: boolean;
  /** The session's idle deadline is near: the next message must touch the session at once. */
  touchOnNextMessage(): void;
  readonly publicConnection: Connection<Data, unknown, never>;
  /** Another connection or process changed the data. */
  changed(data: Readonly<Data>): void;
  /** A deadline is near. */
  expiring(remainingMs: number, deadline: "absolute" | "idle"): void;
  /**
   * Delivers kept messages of the session, in the order of their offsets. `isAgain`: the store lost messages, and the run contains
   * all messages that the store still has, also those that were delivered before. Must not throw.
   */
  onKept(run: KeptRun, isAgain: boolean): void;
  /** A call of this connection's handle replaced the session's token, and the client needs the new token. */
  onRenewed(renewal: Renewal): void;
  end(code: number, reason: string): void;
  /** Handles an unhandled rejection of a call on the connection's handle. */
  unhandled(error: unknown): void;
}

/** The fence of a connection whose takeover is in progress. An earlier takeover does not end the connection. */
export const PENDING_FENCE: number = Infinity;
/** The fence of a connection that was replaced before its takeover was answered, or whose takeover failed. Refuses all writes. */
export const LOST_FENCE: number = -1;

/** The fence that a write carries; `undefined` for an administrative write, or a session that was never taken over. */
export function fenceOf(writer: { readonly fence: number } | undefined): number | undefined {
  return writer === undefined || writer.fence === 0 ? undefined : writer.fence;
}

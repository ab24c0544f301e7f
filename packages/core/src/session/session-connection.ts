import type { Connection } from "../api/contract.ts";

/** A live connection, as its session sees it. */
export interface SessionConnection<Data extends object> {
  readonly id: string;
  /** What the writes of its handle carry (I13): `PENDING_FENCE` until its takeover is answered, `LOST_FENCE` where it has none. */
  fence: number;
  /** Whether it has ended, or is about to. */
  readonly isEnding: boolean;
  /** Set when a message came since it was last cleared: what counts against the idle deadline. */
  active: boolean;
  /** The session's idle deadline is near: its next message is to be told of at once. */
  awaitMessage(): void;
  readonly publicConnection: Connection<Data>;
  /** Others changed the data. */
  changed(data: Readonly<Data>): void;
  /** The absolute deadline is near. */
  expiring(remainingMs: number): void;
  end(code: number, reason: string): void;
  /** Nobody handled the rejection of a call that its handle made. */
  unhandled(error: unknown): void;
}

/** Of a connection whose takeover is under way: another one's is no reason to end it, since its own comes after. */
export const PENDING_FENCE: number = Infinity;
/** Of a connection that was replaced before its takeover was answered, or whose takeover failed: it never writes. */
export const LOST_FENCE: number = -1;

/** The fence that a write carries; `undefined`: an administrative one, or of a session that was never taken over. */
export function fenceOf(writer: { readonly fence: number } | undefined): number | undefined {
  return writer === undefined || writer.fence === 0 ? undefined : writer.fence;
}

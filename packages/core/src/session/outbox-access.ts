import type { Position, Sent } from "@wsession/protocol";
import type { AppendedEvent } from "../store/outbox-contract.ts";
import type { OutboxSession, OutboxStream } from "./outbox-stream.ts";
import type { OutgoingMessage } from "./appending.ts";

/** The outboxes of this process, as sessions and connections see them. */
export interface OutboxAccess {
  /** Whether the store keeps messages. */
  readonly areKept: boolean;
  /** The session's stream, if there is one. */
  peek(session: OutboxSession): OutboxStream | undefined;
  of(session: OutboxSession): OutboxStream;
  /** Up to where the session's outbox was heard of: the beginning where there is no stream. */
  endOf(session: OutboxSession): Position;
  /** What another process appended. */
  applyAnnouncement(session: OutboxSession, event: AppendedEvent): void;
  /**
   * Keeps a message, and delivers it to the session's connections here. Resolves with `undefined` if there is no such session. Rejects
   * with NOT_SUPPORTED, TOO_LARGE, OUTBOX_FULL, FENCED, and as the store does. `sender`: the connection whose fence the message carries.
   */
  send(
    id: string,
    message: OutgoingMessage,
    sender: { readonly fence: number } | undefined,
  ): Promise<Sent | undefined>;
}

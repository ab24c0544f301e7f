import type { Position } from "@wsession/protocol";
import type { AppendedEvent } from "../store/outbox-contract.ts";
import type { OutboxSession, OutboxStream } from "./outbox-stream.ts";
import type { OutgoingMessage } from "./appending.ts";
import type { Sender, SendResult } from "./send-queue.ts";

/** The interface through which sessions and connections use the outboxes of this process. */
export interface OutboxAccess {
  /** Whether the store keeps messages. */
  readonly areKept: boolean;
  /** The stream of the session's outbox, if this process has one. */
  peek(session: OutboxSession): OutboxStream | undefined;
  of(session: OutboxSession): OutboxStream;
  /** The end of the session's outbox, as this process knows it. The beginning if there is no stream. */
  endOf(session: OutboxSession): Position;
  /** Handles entries that another process appended. */
  applyAnnouncement(session: OutboxSession, event: AppendedEvent): void;
  /**
   * Keeps a message, and delivers it to the session's connections here. Rejects `result`, maybe before it returns, with NOT_SUPPORTED,
   * TOO_LARGE, OUTBOX_FULL, FENCED, or the error of the store. The append carries the fence of `sender`. With
   * a `subject`, a session of another one counts as missing.
   */
  send(
    id: string,
    message: OutgoingMessage,
    sender: Sender,
    subject: string | undefined,
    result: SendResult,
  ): void;
}

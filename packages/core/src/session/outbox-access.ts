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
  /** The end of the session's outbox, as this process has received it. The beginning if there is no stream. */
  endOf(session: OutboxSession): Position;
  /** The session has another subject. The messages up to `end` are not delivered any more. */
  passedOn(session: OutboxSession, end: Position): void;
  /** Handles entries that another process appended. */
  applyAnnouncement(session: OutboxSession, event: AppendedEvent): void;
  /**
   * Keeps a message, and delivers it to the session's connections here. Settles `result`, maybe before `send` returns. Errors are
   * NOT_SUPPORTED, TOO_LARGE, OUTBOX_FULL, FENCED, and the errors of the store. The append carries the fence of `sender`. If
   * `subject` is given, a session of another subject counts as missing.
   */
  send(
    id: string,
    message: OutgoingMessage,
    sender: Sender,
    subject: string | undefined,
    result: SendResult,
  ): void;
}

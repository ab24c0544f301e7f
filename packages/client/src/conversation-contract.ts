/** A connection that uses v1.wsession. */
export interface Conversation {
  /** Whether a kept message arrived without a listener. Then the position stays before that message. */
  isBehind(): boolean;
  /** Sends the queued messages that may be sent now. */
  flush(): void;
  /** Throws ProtocolError. */
  received(frame: string | Uint8Array): void;
  /** Called when the connection has ended. Without progress, the first unsettled message has one attempt less. */
  ended(code: number): void;
}

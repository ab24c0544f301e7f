/** A connection that speaks v1.wsession. */
export interface Conversation {
  /** A kept message came, and nobody listened: the position stays before it. */
  isBehind(): boolean;
  /** Sends what may be sent of the queue. */
  pump(): void;
  /** Throws ProtocolError. */
  received(frame: string | Uint8Array): void;
  /** The connection has ended: whoever was first in line, and got no further, has one attempt less. */
  ended(code: number): void;
}

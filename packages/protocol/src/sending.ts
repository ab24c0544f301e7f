/** The options of a kept message. */
export interface SendOptions {
  /** A later message with the same key replaces this message while it is kept. */
  readonly key?: string | undefined;
  /** Milliseconds for which the message is kept. */
  readonly ttlMs?: number | undefined;
}

/** A message that is in the outbox of its session. */
export interface Sent {
  /** The message's place in the outbox, from 1, without gaps. Clients get it as `offset`. */
  readonly offset: number;
}

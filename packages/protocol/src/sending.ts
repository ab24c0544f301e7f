/** How a message is kept in the outbox of its session. */
export interface SendOptions {
  /** A later message of the same key replaces one that is still kept: the last value wins. */
  readonly key?: string | undefined;
  /** Milliseconds for which the message is kept. */
  readonly ttlMs?: number | undefined;
}

/** A message that is in the outbox of its session. */
export interface Sent {
  readonly offset: number;
}

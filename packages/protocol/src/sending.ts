/** The options of a kept message. */
export interface SendOptions {
  /**
   * A later message with the same key replaces this message while it is kept. A store may drop a key after 32 other keys of the
   * session were used, as `redisStore` does. Then both messages stay, in their order.
   */
  readonly key?: string | undefined;
  /**
   * Milliseconds for which the message is kept. The option `outbox.maxAgeMs` of the server is the upper limit: a longer `ttlMs` has no
   * effect.
   *
   * @default `outbox.maxAgeMs`
   */
  readonly ttlMs?: number | undefined;
}

/** A message that is in the outbox of its session. */
export interface Sent {
  /** The message's place in the outbox, from 1, without gaps. Clients get it as `offset`. */
  readonly offset: number;
}

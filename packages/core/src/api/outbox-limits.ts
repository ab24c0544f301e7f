/** The limits of the messages that one session keeps for a client that is away. */
export interface OutboxLimits {
  /**
   * The most messages.
   *
   * @default 256
   */
  readonly maxMessages?: number | undefined;
  /**
   * The most bytes of all messages together; a text counts as UTF-8. A single longer message is refused with TOO_LARGE.
   *
   * @default 262_144 (256 KiB)
   */
  readonly maxBytes?: number | undefined;
  /**
   * Milliseconds that a message is kept; `Infinity`: as long as its session.
   *
   * @default 300_000 (5 minutes)
   */
  readonly maxAgeMs?: number | undefined;
  /**
   * What happens when a new message would exceed a limit. `"drop-oldest"`: the oldest messages are dropped, and the server reports
   * their offsets to a returning client as missed. `"refuse"`: the oldest messages are dropped only if every client that has read
   * the outbox within `maxAgeMs` has these messages. Otherwise the new message is refused with OUTBOX_FULL.
   *
   * @default "drop-oldest"
   */
  readonly whenFull?: "drop-oldest" | "refuse" | undefined;
}

/** The bounds of what is kept of one session for a client that is away. */
export interface OutboxLimits {
  /**
   * Messages.
   *
   * @default 256
   */
  readonly maxMessages?: number | undefined;
  /**
   * Bytes of all messages together, of UTF-8 for text. A longer message is refused with TOO_LARGE.
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
   * What gives way where a message is over a bound. `"drop-oldest"`: the oldest messages, and a client that comes back is told that it
   * missed them. `"refuse"`: the new message, with OUTBOX_FULL, unless every client that has read within `maxAgeMs` has the oldest ones.
   *
   * @default "drop-oldest"
   */
  readonly whenFull?: "drop-oldest" | "refuse" | undefined;
}

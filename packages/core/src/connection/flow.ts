/**
 * Where a connection stands, as bits, so that "a message may be handled at once" is one comparison with 0.
 * opening → open → (draining) → (discarding) → ended → finished. The table at the head of lifecycle.ts says what sets and
 * clears each bit.
 */
export const Flow = {
  Ready: 0,
  /** `open` has not settled. */
  Opening: 1,
  /** The session is not set, and the gate waits for it. */
  Gated: 2,
  /** A message handler has not settled. */
  Busy: 4,
  /** Messages wait in the inbox. */
  Queued: 8,
  /** This side ends the connection: messages are discarded. */
  Discarding: 16,
  /** The socket has ended. */
  Ended: 32,
  /** The connection's handlers no longer hold `close` back. */
  GivenUp: 64,
  /** The close handler was called. */
  Finished: 128,
  /** The connection ends as soon as all messages that have arrived were handled. Later messages are discarded. */
  Draining: 256,
  /** The session's idle deadline is near: the next message counts at once, and not at the next look. */
  LastLook: 512,
  /** `advance` will be called in this turn. Like those below, the bit holds no message back. */
  Scheduled: 1024,
  /** A message came since the bit was last cleared. */
  Active: 2048,
  /** The connection counts no more: this side, the peer, or the network has ended it. */
  Uncounted: 4096,
  /** The session was there before `open`: its client came back, or was given it by `initial`. */
  HadSession: 8192,
  /** `open` was not called yet, since the session that `initial` gave is still being created. */
  Unopened: 16384,
  /** A message of it was refused as invalid, and that was reported. */
  Refused: 65536,
  /** Hello was not sent yet after an attach, or the handler `resumed` has not settled. */
  Attaching: 32768,
  /** Of a connection over v1.wsession: the latest attach was answered, by a hello with or without a session. */
  Greeted: 131072,
  /** Of a connection over v1.wsession: the client numbers its messages for a session, as its attach said. */
  MeansSession: 262144,
  /** Of a connection over v1.wsession: something was sent since the last heartbeat. */
  HasSent: 524288,
  /** On a connection over v1.wsession: kept messages of its session are sent to the client. */
  Following: 1048576,
  /** Of a connection over v1.wsession: the handler `transaction` runs. */
  InTransaction: 2097152,
} as const;

/** While one of these bits is set, a message takes the slow path. */
export const BLOCKS_DIRECT_DELIVERY: number = 1023 | Flow.Attaching;
/** No message handler runs while one of these bits is set (I1). */
export const BLOCKS_MESSAGES: number = Flow.Opening | Flow.Gated | Flow.Attaching;
export const GIVEN_AND_OPENING: number = Flow.HadSession | Flow.Opening;
/** The close handler waits while one of these bits is set (I4). */
export const BLOCKS_CLOSE: number = Flow.Opening | Flow.Busy | Flow.Queued;

/**
 * The state of a connection as bits, so that the check whether a message may be handled at once is one comparison with 0. A field
 * for each would cost every connection 8 bytes. V8 keeps integers below 2^31 in the field, without an object.
 * opening → open → (draining) → (discarding) → ended → finished.
 *
 * | bit            | set by                                          | cleared by                  | what it delays or prevents       |
 * | -------------- | ----------------------------------------------- | --------------------------- | -------------------------------- |
 * | Opening        | `start`                                         | the `open` handler settles  | messages, `close`                |
 * | Gated          | `open` without a session, gate "session"        | the session is attached     | messages                         |
 * | Busy           | a message goes to its handler                   | the handler settles         | the next message, `close`        |
 * | Running        | as Busy, with `maxConcurrentMessages`           | the last handler settles    | messages that run alone, `close` |
 * | Queued         | a message has to wait                           | the inbox is empty          | later messages, `close`          |
 * | Draining       | `endHandled`                                    | never                       | new messages, for ever           |
 * | Discarding     | `end`, `terminate`, `forceFinish`, `finish`     | never                       | all messages, for ever; sends    |
 * | Ended          | `ended`                                         | never                       | all calls of the runtime         |
 * | Forced         | `forceFinish`                                   | never                       | nothing: it releases `close`     |
 * | Finished       | `finish`                                        | never                       | a second `close`                 |
 * | TouchOnMessage | the session's idle deadline is near             | the next message            | nothing: it marks that message   |
 * | Scheduled      | `scheduleAdvance`                               | the microtask runs          | a second microtask               |
 * | Active         | each message                                    | the idle deadline's check   | nothing                          |
 * | Closed         | the first of `end`, `terminate`, `ended`        | never                       | a second `notifyClosed`          |
 * | HadSession     | `open` with a session                           | never                       | nothing: `early` applies longer  |
 * | Refused        | a message is refused as invalid                 | never                       | a second report of one           |
 * | Unopened       | no session of `initial` yet, or creation failed | the session is there        | `open`; without it no `close`    |
 * | Attaching      | a client of v1.wsession attaches                | `resumed` has settled       | messages                         |
 * | LeftCleanly    | a clean close by the peer, or `bye`             | never                       | nothing: it records a clean end  |
 * | Tapped         | a tap is set                                    | never                       | nothing: messages are copied     |
 * | TapPending     | a tap with `ready` is set                       | the tap's `ready` is called | messages                         |
 * | BackedUp       | the runtime queues a message                    | `drained`                   | nothing: `send` checks its limit |
 * | Resumed        | the session is attached                         | never                       | nothing                          |
 * | Encrypted      | the constructor                                 | never                       | nothing                          |
 *
 * Only framed/ uses HelloSent, NamedSession, HasSent, Following and InTransaction. These bits delay nothing.
 */
export const Flow = {
  Ready: 0,
  /** `open` has not settled. */
  Opening: 1,
  /** The session is not set, and the gate waits for it. */
  Gated: 2,
  /** A message handler has not settled. With `maxConcurrentMessages` above 1: no further handler may begin. */
  Busy: 4,
  /** Messages wait in the inbox. */
  Queued: 8,
  /** This side ends the connection: messages are discarded. */
  Discarding: 16,
  /** The socket has ended. */
  Ended: 32,
  /** The connection's handlers no longer delay `close`. */
  Forced: 64,
  /** The close handler was called. */
  Finished: 128,
  /** The connection ends as soon as all messages that have arrived were handled. Later messages are discarded. */
  Draining: 256,
  /** The session's idle deadline is near: the next message touches the session at once, not at the next check. */
  TouchOnMessage: 512,
  /** `advance` will be called in this turn. */
  Scheduled: 1024,
  /** A message arrived since the bit was last cleared. */
  Active: 2048,
  /** The connection no longer counts as live: this side, the peer, or the network has ended it. */
  Closed: 4096,
  /** The session was set before `open`: the client resumed it, or `initial` made it. */
  HadSession: 8192,
  /** `open` was not called: the session of `initial` is still being created, or could not be created. */
  Unopened: 16384,
  /** Hello was not sent yet after an attach, or the handler `resumed` has not settled. */
  Attaching: 32768,
  /** A message of the connection was refused as invalid and reported. */
  Refused: 65536,
  /** v1.wsession only: the latest attach was answered by a hello, with or without a session. */
  HelloSent: 131072,
  /** v1.wsession only: the latest attach named the session for which the client numbers its messages. */
  NamedSession: 262144,
  /** v1.wsession only: a frame was sent since the last heartbeat. */
  HasSent: 524288,
  /** v1.wsession only: kept messages of the session are sent to the client. */
  Following: 1048576,
  /** v1.wsession only: the handler `transaction` runs. */
  InTransaction: 2097152,
  /** The peer left by a clean close, or by the frame `bye`. */
  LeftCleanly: 4194304,
  /** Only with `maxConcurrentMessages` above 1: handlers of messages have not settled. */
  Running: 8388608,
  /** The connection has a tap, which gets each event before the handlers. */
  Tapped: 16777216,
  /** The tap's `ready` was not called yet. */
  TapPending: 33554432,
  /** Data waits in this process to be sent. The runtime calls `drained` once all of it is sent. */
  BackedUp: 67108864,
  /** The client resumed its session. */
  Resumed: 134217728,
  /** The handshake came over TLS. */
  Encrypted: 268435456,
} as const;

/** While one of these bits is set, a message takes the slow path. 1023: the first ten bits, from Opening to TouchOnMessage. */
export const BLOCKS_DIRECT_DELIVERY: number =
  1023 | Flow.Attaching | Flow.Running | Flow.Tapped | Flow.TapPending;
/** While one of these bits is set, a message does not go to its handler at once: it waits, or is discarded. */
export const BLOCKS_DELIVERY: number = BLOCKS_DIRECT_DELIVERY & ~(Flow.Running | Flow.Tapped);
/** No message handler runs while one of these bits is set (I1). */
export const BLOCKS_MESSAGES: number = Flow.Opening | Flow.Gated | Flow.Attaching | Flow.TapPending;
export const HAD_SESSION_AND_OPENING: number = Flow.HadSession | Flow.Opening;
/** The close handler waits while one of these bits is set (I4). */
export const BLOCKS_CLOSE: number = Flow.Opening | Flow.Busy | Flow.Running | Flow.Queued;

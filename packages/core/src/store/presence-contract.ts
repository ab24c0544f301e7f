/** The part of the store contract about presence: states of subjects, and events of sessions. */
import type { Awaitable } from "@wsession/protocol";

/**
 * `"online"`: a session has a live connection. `"away"`: the last connection ended less than `leaveAfterMs` ago, and not by a clean
 * close. `"offline"`: all other cases. A subject is online if one of its sessions is, else away if one of its sessions is.
 */
export type PresenceType = "online" | "away" | "offline";

/** A session of a subject, with the connections of all processes. */
export interface SessionPresence {
  /** As `session.id`. */
  readonly id: string;
  /** How many live connections the session has, on all processes together. */
  readonly connections: number;
  /** The processes that hold the connections, one entry for each process, by the store's name for the process. */
  readonly nodes: readonly string[];
  /**
   * The start of the present visit, or of the last one: milliseconds since the epoch, by the store's clock. A visit lasts until the
   * session has left. 0 if there was no visit, or if the visit began while no presence was recorded.
   */
  readonly since: number;
  /**
   * When the last connection ended, milliseconds since the epoch, by the store's clock; `undefined` while a connection is live. If the
   * store has no record of a connection: the time of this read.
   */
  readonly awaySince: number | undefined;
}

/** The presence of a subject, from `sessions.presenceOfSubject`. */
export interface SubjectPresence {
  /** The requested subject, also if it has no session. */
  readonly subject: string;
  /** The state of the subject, from those of its sessions. */
  readonly type: PresenceType;
  /** The subject's live sessions, in no order; also those without a connection. */
  readonly sessions: readonly SessionPresence[];
}

/** A state that `sessions.watch` reports. */
export interface PresenceEvent {
  /** One of the watched subjects. */
  readonly subject: string;
  /** The new state of the subject. */
  readonly type: PresenceType;
}

/** `"left"`: a session's connections have been gone for `leaveAfterMs`, or the last one ended by a clean close. */
export type SessionEventType = "left" | "expired" | "destroyed";

/** The argument of the functions in the option `events`. */
export interface SessionEvent {
  /**
   * The id of the event. An event that is delivered again has the same id: its first process ended, or was stopped for some time, before
   * the function had settled.
   */
  readonly id: string;
  /** As `session.id`. The session may be gone by now. */
  readonly sessionId: string;
  /** The subject at the time of the event. */
  readonly subject: string | undefined;
  /** When it happened, milliseconds since the epoch, by the store's clock. */
  readonly at: number;
}

/** Why a connection ended, for `release`: the peer closed it cleanly, or the session reached its deadline. */
export type ReleaseReason = "left" | "expired";

/** The settings of presence that core passes to a store. */
export interface Tracking {
  /** The time without a connection after which a session has left, milliseconds. */
  readonly leaveAfterMs: number;
  /**
   * Whether presence is recorded from the start. False: presence is recorded from the first call of `watch` in any process, because
   * an application without presence must not pay for it. A store MAY begin earlier, with `presenceOfSubject`.
   */
  readonly isAlways: boolean;
  /** The types of events for which the application has a function. */
  readonly events: ReadonlySet<SessionEventType>;
  /** Delivers one event. Resolves once the application has handled it; never rejects. */
  readonly deliver: (type: SessionEventType, event: SessionEvent) => Promise<void>;
}

/** The methods of a store with presence. Core rejects with NOT_SUPPORTED in place of a missing method. */
export interface PresenceMethods {
  /**
   * Called once, after `attach`. The store MUST deliver each event in one process only, and only in a process whose `events`
   * contains this type. This is also true if a process without the type has destroyed the session. The store may deliver an event a
   * second time, under the same id, only if the process that began to deliver it has ended, or was stopped (SIGSTOP). A session
   * that comes back in time MUST NOT cause `left`. A session that ends causes `expired` or `destroyed`, and then no `left`.
   */
  readonly track?: ((tracking: Tracking) => void) | undefined;
  /** The presence of a subject, from the sessions that the store has now. */
  readonly presenceOfSubject?: ((subject: string) => Awaitable<SubjectPresence>) | undefined;
  /**
   * Calls `listener` with the present state of each subject, and then with each change. Settles once all present states were
   * reported. The returned function ends the reports. If the call rejects, the reports have ended.
   */
  readonly watch?:
    | ((subjects: readonly string[], listener: (event: PresenceEvent) => void) => Awaitable<() => void>)
    | undefined;
}

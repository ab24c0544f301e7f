/** The part of the store contract about who is there: states of subjects, and events of sessions. */
import type { Awaitable } from "@wsession/protocol";

/**
 * `"online"`: a connection lives. `"away"`: the last connection ended less than `leaveAfterMs` ago, and not by a clean close.
 * `"offline"`: everything else. A subject is online if one of its sessions is, else away if one of its sessions is.
 */
export type PresenceType = "online" | "away" | "offline";

/** A session of a subject, with the connections of all processes. */
export interface SessionPresence {
  readonly id: string;
  readonly connections: number;
  /** The processes that hold the connections, one entry for each process, by the store's name for the process. */
  readonly nodes: readonly string[];
  /**
   * When the present visit began, or the last one: milliseconds since the epoch, by the store's clock. A visit lasts until the
   * session has left. 0: the visit began while no presence was recorded, or there was none.
   */
  readonly since: number;
  /** When the last connection ended; `undefined` while a connection lives. */
  readonly awaySince: number | undefined;
}

/** The presence of a subject, from `sessions.presenceOfSubject`. */
export interface SubjectPresence {
  readonly subject: string;
  readonly type: PresenceType;
  /** The subject's live sessions, in no order; also those without a connection. */
  readonly sessions: readonly SessionPresence[];
}

/** What `sessions.watch` reports. */
export interface PresenceEvent {
  readonly subject: string;
  readonly type: PresenceType;
}

/** `"left"`: a session's connections have been gone for `leaveAfterMs`, or the last one ended by a clean close. */
export type SessionEventType = "left" | "expired" | "destroyed";

/** What the functions in the option `events` are called with. */
export interface SessionEvent {
  /** The event's own id: the same where the event is delivered again, because a process ended before it had finished. */
  readonly id: string;
  readonly sessionId: string;
  readonly subject: string | undefined;
  /** When it happened, milliseconds since the epoch, by the store's clock. */
  readonly at: number;
}

/** Why a connection ended, for `release`: the peer closed it cleanly, or the session reached its deadline. */
export type ReleaseReason = "left" | "expired";

/** What core asks of a store about presence. */
export interface Tracking {
  /** Milliseconds without a connection after which a session has left. */
  readonly leaveAfterMs: number;
  /**
   * Whether presence is recorded from the start. False: only once a process asks for the presence of a subject or watches one,
   * so that the sessions of other applications cost nothing.
   */
  readonly isAlways: boolean;
  /** The events that the application wants. */
  readonly events: ReadonlySet<SessionEventType>;
  /** Delivers one event. Resolves once the application has handled it; never rejects. */
  readonly deliver: (type: SessionEventType, event: SessionEvent) => Promise<void>;
}

/** The methods of a store that knows who is there. Core answers NOT_SUPPORTED in place of a missing method. */
export interface PresenceMethods {
  /**
   * Called once, after `attach`. The store MUST deliver each wanted event in one process only. It may deliver an event twice, with
   * one id, only if the process that had begun to deliver it ended. A session that comes back in time MUST NOT give `left`. A
   * session that ends gives `expired` or `destroyed`, and then no `left`.
   */
  readonly track?: ((tracking: Tracking) => void) | undefined;
  readonly presenceOfSubject?: ((subject: string) => Awaitable<SubjectPresence>) | undefined;
  /**
   * Calls `listener` with the present state of each subject, and then with each change. Settles once all present states were
   * reported. The returned function ends the reports. If the call rejects, the reports have ended.
   */
  readonly watch?:
    | ((subjects: readonly string[], listener: (event: PresenceEvent) => void) => Awaitable<() => void>)
    | undefined;
}

/** The watched subjects of one process: the states of their sessions, and the listeners. */
import type { PresenceEvent, PresenceType } from "./presence-contract.ts";

/** The presence of one session. Of two states of a session, the one with the higher stamp is the later one. */
export interface SessionPresenceState {
  /** The session. */
  readonly id: string;
  /** Whether the session is online, away or offline. */
  readonly type: PresenceType;
  /** The order of the states of one session. */
  readonly stamp: number;
}

/** Called with the new state of a watched subject. */
type Listener = (event: PresenceEvent) => void;

interface Known extends SessionPresenceState {
  /** The `changeCount` at the session's last change, or before the read that found the session. */
  readonly knownAt: number;
}

interface Watched {
  /** An offline session stays until the next read, because an older message about the session may still arrive. */
  readonly sessions: Map<string, Known>;
  readonly listeners: Set<Listener>;
  /** The state that the listeners have; `undefined` before the first read. */
  reported: PresenceType | undefined;
}

/** Combines the states of a subject's sessions to the subject's state, and calls the listeners when that state changes. */
export class SubjectWatches {
  readonly #watched = new Map<string, Watched>();
  #changeCount = 0;

  /** How many subjects are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** How many changes have been applied. Take the count before a read begins, and pass it to `read`. */
  get changeCount(): number {
    return this.#changeCount;
  }

  /** The watched subjects, in the order in which they were first added. */
  subjects(): IterableIterator<string> {
    return this.#watched.keys();
  }

  /** Whether the subject has a listener. */
  has(subject: string): boolean {
    return this.#watched.has(subject);
  }

  /** Adds a listener. Calls it at once for each subject whose state is known. */
  add(subjects: readonly string[], listener: Listener): void {
    for (const subject of subjects) {
      const watched = this.#watched.get(subject) ?? {
        sessions: new Map(),
        listeners: new Set(),
        reported: undefined,
      };
      this.#watched.set(subject, watched);
      watched.listeners.add(listener);
      if (watched.reported !== undefined) listener({ subject, type: watched.reported });
    }
  }

  /** Removes a listener. Returns the subjects without a listener. */
  remove(subjects: readonly string[], listener: Listener): string[] {
    return subjects.filter((subject) => {
      const watched = this.#watched.get(subject);
      if (watched?.listeners.delete(listener) !== true || watched.listeners.size > 0) return false;
      this.#watched.delete(subject);
      return true;
    });
  }

  /** One session of a subject has changed. */
  changed(subject: string, state: SessionPresenceState): void {
    const watched = this.#watched.get(subject);
    if (watched === undefined || !isNewer(state, watched.sessions.get(state.id))) return;
    this.#changeCount += 1;
    watched.sessions.set(state.id, { ...state, knownAt: this.#changeCount });
    if (watched.reported !== undefined) this.#report(subject, watched);
  }

  /**
   * Applies a read of all sessions of a subject. A read finds the changes whose messages were lost. `countBefore`: the
   * `changeCount` before the read began. A known session that is not among `states` has ended, with two exceptions: the session has
   * changed since the read began, or `mayExist` returns true. In both cases the read does not show whether the session exists.
   * Times are not compared, because the servers of a store may have different clocks.
   */
  read(
    subject: string,
    states: readonly SessionPresenceState[],
    countBefore: number,
    mayExist: (id: string) => boolean = () => false,
  ): void {
    const watched = this.#watched.get(subject);
    if (watched === undefined) return;
    const found = new Map(states.map((state) => [state.id, state]));
    for (const [id, known] of watched.sessions)
      if (!found.has(id) && known.knownAt <= countBefore && !mayExist(id)) watched.sessions.delete(id);
    for (const [id, state] of found)
      if (isNewer(state, watched.sessions.get(id)))
        watched.sessions.set(id, { ...state, knownAt: countBefore });
    this.#report(subject, watched);
  }

  #report(subject: string, watched: Watched): void {
    const type = together([...watched.sessions.values()].map((session) => session.type));
    if (watched.reported === type) return;
    watched.reported = type;
    for (const listener of watched.listeners) listener({ subject, type });
  }
}

/** The state of a subject whose sessions have these states. */
export function together(types: readonly PresenceType[]): PresenceType {
  if (types.includes("online")) return "online";
  return types.includes("away") ? "away" : "offline";
}

function isNewer(state: SessionPresenceState, before: SessionPresenceState | undefined): boolean {
  return before === undefined || state.stamp >= before.stamp;
}

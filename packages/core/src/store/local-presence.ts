/** Presence and events of a store whose sessions live in this process. */
import { type Deadline, Deadlines, MAX_TIMER_MS } from "../base/deadlines.ts";
import type {
  ReleaseReason,
  PresenceEvent,
  PresenceType,
  SessionEventType,
  SubjectPresence,
  Tracking,
} from "./presence-contract.ts";
import type { SessionPresenceState } from "./subject-watches.ts";
import { SubjectWatches, together } from "./subject-watches.ts";

/** A live session, as the store has recorded it. */
export interface LocalHolding {
  readonly id: string;
  readonly subject: string | undefined;
  readonly connections: number;
}

/** A session that had a connection since the recording began. Kept until the session ends. */
interface Visit {
  subject: string | undefined;
  connections: number;
  since: number;
  awaySince: number | undefined;
  /** Runs while the session is away. */
  leaving: Deadline | undefined;
  hasLeft: boolean;
}

/** Records which sessions have connections, once the application uses presence. Before that it records nothing. */
export class LocalPresence {
  readonly #holdings: () => Iterable<LocalHolding>;
  readonly #visits = new Map<string, Visit>();
  readonly #deadlines = new Deadlines();
  readonly #watches = new SubjectWatches();
  /** The sessions whose events are being handled. Resolves once the last function has settled. */
  readonly #handling = new Map<string, Promise<void>>();
  #tracking: Tracking | undefined;
  #isOn = false;
  #events = 0;
  #stamp = 0;

  /** `holdings`: the live sessions with their connections, for the moment at which the recording starts. */
  constructor(holdings: () => Iterable<LocalHolding>) {
    this.#holdings = holdings;
  }

  track(tracking: Tracking): void {
    this.#tracking = tracking;
    this.#isOn = tracking.isAlways;
  }

  /** Whether the application has a function for events of this type. */
  wants(type: SessionEventType): boolean {
    return this.#tracking?.events.has(type) === true;
  }

  /** One more connection. */
  connected(id: string, subject: string | undefined): void {
    if (!this.#isOn) return;
    const visit = this.#visits.get(id) ?? newVisit(subject);
    this.#visits.set(id, visit);
    visit.subject = subject;
    visit.connections += 1;
    if (visit.connections > 1) return;
    visit.leaving?.cancel();
    visit.leaving = undefined;
    if (visit.awaySince === undefined || visit.hasLeft) visit.since = Date.now();
    visit.awaySince = undefined;
    visit.hasLeft = false;
    this.#changed(id, visit);
  }

  /** One connection fewer. */
  released(id: string, reason: ReleaseReason | undefined): void {
    const visit = this.#visits.get(id);
    if (visit === undefined || visit.connections === 0) return;
    visit.connections -= 1;
    if (visit.connections > 0) return;
    visit.awaySince = Date.now();
    if (reason === "left") return this.#leave(id, visit);
    this.#leaveIn(this.#tracking?.leaveAfterMs ?? 0, id, visit);
    this.#changed(id, visit);
  }

  /**
   * Waits in steps, because a timer of Node fires at once for a longer time. With `Infinity` the session stays away. If the process stalled,
   * a client that has come back meanwhile is read first.
   */
  #leaveIn(ms: number, id: string, visit: Visit): void {
    const step = Math.min(ms, MAX_TIMER_MS);
    const next = () => (ms > step ? this.#leaveIn(ms - step, id, visit) : this.#leave(id, visit));
    visit.leaving = this.#deadlines.allow(step, next);
  }

  /** The session is gone. */
  ended(id: string, type: SessionEventType, subject: string | undefined): void {
    const visit = this.#visits.get(id);
    if (visit !== undefined) {
      visit.leaving?.cancel();
      this.#visits.delete(id);
      this.#report(visit.subject, id, "offline");
    }
    this.#deliver(type, id, subject);
  }

  /** The session of a store without resumption: it ends with its connection. */
  endedWithConnection(id: string, reason: ReleaseReason | undefined): void {
    const visit = this.#visits.get(id);
    if (visit !== undefined) this.ended(id, reason ?? "left", visit.subject);
  }

  /** The session has another subject. */
  identified(id: string, subject: string): void {
    const visit = this.#visits.get(id);
    if (visit === undefined || visit.subject === subject) return;
    this.#report(visit.subject, id, "offline");
    visit.subject = subject;
    this.#changed(id, visit);
  }

  /**
   * `live`: the ids of the subject's live sessions, also of those that never had a connection. If absent, the store has no session
   * without a connection.
   */
  presenceOfSubject(subject: string, live: Iterable<string> = this.#visitsOf(subject)): SubjectPresence {
    this.#start();
    const readAt = Date.now();
    const visits = [...live].map((id) => {
      const visit: Visit = this.#visits.get(id) ?? { ...newVisit(subject), awaySince: readAt, hasLeft: true };
      return [id, visit] as const;
    });
    return {
      subject,
      type: together(visits.map(([, visit]) => presenceTypeOf(visit))),
      sessions: visits.map(([id, { connections, since, awaySince }]) => {
        return { id, connections, nodes: [], since, awaySince };
      }),
    };
  }

  *#visitsOf(subject: string): Generator<string> {
    for (const [id, visit] of this.#visits) if (visit.subject === subject) yield id;
  }

  watch(subjects: readonly string[], listener: (event: PresenceEvent) => void): () => void {
    this.#start();
    this.#watches.add(subjects, listener);
    const wanted = new Set(subjects);
    const bySubject = new Map<string, SessionPresenceState[]>();
    for (const [id, visit] of this.#visits) {
      if (visit.subject === undefined || !wanted.has(visit.subject)) continue;
      const states = bySubject.get(visit.subject) ?? [];
      states.push({ id, type: presenceTypeOf(visit), stamp: this.#stamp });
      bySubject.set(visit.subject, states);
    }
    for (const subject of wanted)
      this.#watches.read(subject, bySubject.get(subject) ?? [], this.#watches.changeCount);
    return () => void this.#watches.remove(subjects, listener);
  }

  close(): void {
    for (const { leaving } of this.#visits.values()) leaving?.cancel();
  }

  /**
   * Starts the recording with the sessions that have a connection. `since` stays 0, because the beginning of their visits was not
   * recorded.
   */
  #start(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    for (const { id, subject, connections } of this.#holdings()) {
      if (connections > 0) this.#visits.set(id, { ...newVisit(subject), connections });
    }
  }

  #leave(id: string, visit: Visit): void {
    visit.leaving = undefined;
    visit.hasLeft = true;
    this.#changed(id, visit);
    this.#deliver("left", id, visit.subject);
  }

  #changed(id: string, visit: Visit): void {
    this.#report(visit.subject, id, presenceTypeOf(visit));
  }

  #report(subject: string | undefined, id: string, type: PresenceType): void {
    if (subject === undefined) return;
    this.#stamp += 1;
    this.#watches.changed(subject, { id, type, stamp: this.#stamp });
  }

  /** Functions for two events of one session run one after the other, as with a store of several processes. */
  #deliver(type: SessionEventType, sessionId: string, subject: string | undefined): void {
    const tracking = this.#tracking;
    if (tracking?.events.has(type) !== true) return;
    this.#events += 1;
    const event = { id: `${sessionId}:${type}:${this.#events}`, sessionId, subject, at: Date.now() };
    const deliver = (): Promise<void> => tracking.deliver(type, event);
    const handled = this.#handling.get(sessionId)?.then(deliver) ?? deliver();
    this.#handling.set(sessionId, handled);
    void handled.then(() => {
      if (this.#handling.get(sessionId) === handled) this.#handling.delete(sessionId);
    });
  }
}

function newVisit(subject: string | undefined): Visit {
  return { subject, connections: 0, since: 0, awaySince: undefined, leaving: undefined, hasLeft: false };
}

function presenceTypeOf({ connections, hasLeft }: Visit): PresenceType {
  if (connections > 0) return "online";
  return hasLeft ? "offline" : "away";
}

import { errorOf } from "../base/endings.ts";
import type { Ending } from "../base/endings.ts";
import type { SessionConnection } from "./session-connection.ts";

/**
 * A decision that has not taken effect yet: a handshake that is being admitted, a connection that waits for the session of
 * its subject, a login under way. Between the decision and its effect lie waits for the store and for the application, and
 * the session, or all of the subject's, may be destroyed meanwhile. Without a record the effect would come all the same (a
 * race of the kind time of check to time of use).
 */
export class PendingDecision {
  readonly #decisions: PendingDecisions;
  /** By `performance.now()`: when the subject was named. Stores compare the time with what other processes destroyed. */
  decidedAt: number | undefined;
  subject: string | undefined;
  /** Why the decision must have no effect any more. */
  ending: Ending | undefined;
  /** The connection that waits for the session, where the connection is there already. */
  connection: Pick<SessionConnection<object>, "isEnding" | "end"> | undefined;
  /** The session that the store is being asked for, and what became of the session since the question. */
  sessionId: string | undefined;
  sessionEnding: Ending | undefined;
  /** Counts the sessions that were opened, so that of two on their way the older one is known; 0: none yet. */
  resumeNumber = 0;

  constructor(decisions: PendingDecisions) {
    this.#decisions = decisions;
  }

  /** The application said whose session it will be. */
  decide(subject: string | undefined): void {
    if (subject === undefined) return;
    this.subject = subject;
    this.decidedAt = performance.now();
    this.#decisions.bySubject.add(subject, this);
  }

  /** The store is about to be asked for this session. */
  expect(sessionId: string): void {
    const { bySession } = this.#decisions;
    bySession.delete(this.sessionId, this);
    this.sessionId = sessionId;
    this.sessionEnding = undefined;
    bySession.add(sessionId, this);
  }

  /** The session that was expected is there, for this decision. */
  markResumed(): void {
    this.resumeNumber = this.#decisions.nextNumber();
  }

  end(ending: Ending): void {
    if (this.ending !== undefined) return;
    this.ending = ending;
    this.connection?.end(ending.code, ending.reason);
  }

  /** Before the next step towards the effect. Throws REVOKED, FENCED or SHUTTING_DOWN. */
  assertStands(): void {
    if (this.ending !== undefined) throw errorOf(this.ending);
  }

  /** The decision has taken effect, or never will. Idempotent. */
  dispose(): void {
    this.#decisions.bySubject.delete(this.subject, this);
    this.#decisions.bySession.delete(this.sessionId, this);
    this.connection = undefined;
  }
}

/** All of this process, by subject and by session. */
export class PendingDecisions {
  readonly bySubject: DecisionIndex = new DecisionIndex();
  readonly bySession: DecisionIndex = new DecisionIndex();
  #last = 0;

  begin(subject?: string): PendingDecision {
    const decision = new PendingDecision(this);
    decision.decide(subject);
    return decision;
  }

  /** The subject's sessions are being destroyed. Returns how many connections that ended. */
  endSubject(subject: string, ending: Ending): number {
    let ended = 0;
    for (const decision of this.bySubject.of(subject)) {
      if (decision.connection?.isEnding === false) ended += 1;
      decision.end(ending);
    }
    return ended;
  }

  /** The session is gone: an answer of the store that opens the session is overtaken. */
  endSession(sessionId: string, ending: Ending): void {
    for (const decision of this.bySession.of(sessionId)) decision.sessionEnding ??= ending;
  }

  /** A connection took the session over: what was opened before it, and has no connection yet, comes too late. */
  endOlder(sessionId: string, resumeNumber: number, ending: Ending): void {
    for (const decision of this.bySession.of(sessionId))
      if (decision.resumeNumber > 0 && decision.resumeNumber < resumeNumber) decision.end(ending);
  }

  nextNumber(): number {
    return (this.#last += 1);
  }
}

/** Decisions by a key; one of each is the common case, and a Set for it would be most of the cost. */
class DecisionIndex {
  readonly #decisions = new Map<string, PendingDecision | Set<PendingDecision>>();

  /** As they are now: who walks over them may end some. */
  of(key: string): readonly PendingDecision[] {
    const found = this.#decisions.get(key);
    if (found === undefined) return [];
    return found instanceof Set ? [...found] : [found];
  }

  add(key: string, decision: PendingDecision): void {
    const found = this.#decisions.get(key);
    if (found === undefined) this.#decisions.set(key, decision);
    else if (found instanceof Set) found.add(decision);
    else if (found !== decision) this.#decisions.set(key, new Set([found, decision]));
  }

  delete(key: string | undefined, decision: PendingDecision): void {
    if (key === undefined) return;
    const found = this.#decisions.get(key);
    if (found === decision) this.#decisions.delete(key);
    else if (found instanceof Set && found.delete(decision) && found.size === 0) this.#decisions.delete(key);
  }
}

import { errorOf } from "../base/endings.ts";
import type { Lifetimes } from "../base/lifetimes.ts";
import type { Ending } from "../base/endings.ts";
import type { SessionConnection } from "./session-connection.ts";

/**
 * A decision that has not taken effect yet: a handshake that is being admitted, a connection whose subject is known and whose
 * session is not set, or a login in progress. Between the decision and its effect the library waits for the store and the
 * application. The session, or all sessions of the subject, may be destroyed meanwhile. Without this record the decision would
 * still take effect (a race: time of check to time of use).
 */
export class PendingDecision {
  readonly #decisions: PendingDecisions;
  /** When the subject was named, by `performance.now()`. Stores compare the time with destructions by other processes. */
  decidedAt: number | undefined;
  subject: string | undefined;
  /** The lifetimes that the application gave the session. */
  lifetimes: Lifetimes | undefined;
  /** Why the decision must not take effect. `undefined` while the decision may take effect. */
  ending: Ending | undefined;
  /** Whether a resume for the decision counts as activity of the session. */
  isActivity = true;
  /** The connection that waits for the session, if the connection exists already. */
  connection: Pick<SessionConnection<object>, "isEnding" | "end"> | undefined;
  /** The session of the current request to the store, and the end of that session since the request was sent. */
  sessionId: string | undefined;
  sessionEnding: Ending | undefined;
  /**
   * The place among the decisions whose sessions exist, so that a takeover can end the older decisions. 0: no session exists yet.
   */
  readyNumber = 0;

  constructor(decisions: PendingDecisions) {
    this.#decisions = decisions;
  }

  /** The application named the subject of the session. */
  decide(subject: string | undefined): void {
    if (subject === undefined) return;
    this.subject = subject;
    this.decidedAt = performance.now();
    this.#decisions.bySubject.add(subject, this);
  }

  /** A request for this session is about to be sent to the store. */
  expectSession(sessionId: string): void {
    const { bySession } = this.#decisions;
    bySession.delete(this.sessionId, this);
    this.sessionId = sessionId;
    this.sessionEnding = undefined;
    bySession.add(sessionId, this);
  }

  /** Called when the expected session exists. */
  markSessionReady(): void {
    this.readyNumber = this.#decisions.nextNumber();
  }

  /** The decision must not take effect any more. Ends its connection, if there is one. The first ending counts. */
  end(ending: Ending): void {
    if (this.ending !== undefined) return;
    this.ending = ending;
    this.connection?.end(ending.code, ending.reason);
  }

  /** Throws REVOKED, FENCED or SHUTTING_DOWN for a decision that was ended. Called before each step towards the effect. */
  assertNotEnded(): void {
    if (this.ending !== undefined) throw errorOf(this.ending);
  }

  /** Removes the decision from the indexes: it has taken effect, or never will. Idempotent. */
  dispose(): void {
    this.#decisions.bySubject.delete(this.subject, this);
    this.#decisions.bySession.delete(this.sessionId, this);
    this.connection = undefined;
  }
}

/** All pending decisions of this process, by subject and by session. */
export class PendingDecisions {
  readonly bySubject: DecisionIndex = new DecisionIndex();
  readonly bySession: DecisionIndex = new DecisionIndex();
  #last = 0;

  begin(subject?: string): PendingDecision {
    const decision = new PendingDecision(this);
    decision.decide(subject);
    return decision;
  }

  /** Ends the decisions about a subject whose sessions are being destroyed. Returns how many connections ended with them. */
  endSubject(subject: string, ending: Ending): number {
    let ended = 0;
    for (const decision of this.bySubject.of(subject)) {
      if (decision.connection?.isEnding === false) ended += 1;
      decision.end(ending);
    }
    return ended;
  }

  /** Called when a session is gone. A request in flight must not resume the session, whatever the store answers. */
  endSession(sessionId: string, ending: Ending): void {
    for (const decision of this.bySession.of(sessionId)) decision.sessionEnding ??= ending;
  }

  /** Called after a takeover: ends older decisions whose connection does not exist yet. */
  endOlder(sessionId: string, readyNumber: number, ending: Ending): void {
    for (const decision of this.bySession.of(sessionId))
      if (decision.readyNumber > 0 && decision.readyNumber < readyNumber) decision.end(ending);
  }

  nextNumber(): number {
    return (this.#last += 1);
  }
}

/** Decisions by a key. Most keys have one decision, and a Set for one decision would need more memory than the decision. */
class DecisionIndex {
  readonly #decisions = new Map<string, PendingDecision | Set<PendingDecision>>();

  /** A copy, because the caller may end some decisions while it iterates. */
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

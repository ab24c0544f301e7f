import { assertSubjectText } from "../base/names.ts";
import type { CreateRequest } from "./contract.ts";
import type { LocalHolding } from "./local-presence.ts";

/** The part of a request that gives a session its subject. */
export type Login = Pick<CreateRequest, "id" | "subject" | "limit">;

/** The live sessions of a store in this process. */
interface LiveSessions {
  /** The function that makes the store, for errors. */
  readonly store: string;
  /** All of them, in the order of their creation. */
  readonly all: () => Iterable<LocalHolding>;
  readonly isLive: (id: string) => boolean;
}

/**
 * The sessions of each subject, and which of them a login ends. The order of the logins is recorded from the first use of that order
 * on, so that applications without a limit of subjects pay nothing.
 */
export class SubjectIndex {
  readonly #sessions: LiveSessions;
  #bySubject: Map<string, Set<string>> | undefined;
  readonly #subjects = new Map<string, string>();

  constructor(sessions: LiveSessions) {
    this.#sessions = sessions;
  }

  /** The sessions of the subject, in no order. */
  of(subject: string): string[] {
    const { store, all } = this.#sessions;
    assertSubjectText(store, subject);
    const ids: string[] = [];
    for (const session of all()) if (session.subject === subject) ids.push(session.id);
    return ids;
  }

  /** The sessions of the subject other than `id`, the oldest login first. */
  others(subject: string, id: string): readonly string[] {
    const { all, isLive } = this.#sessions;
    if (this.#bySubject === undefined) {
      this.#bySubject = new Map();
      for (const session of all())
        if (session.subject !== undefined) this.loggedIn(session.id, session.subject);
    }
    return [...(this.#bySubject.get(subject) ?? [])].filter((other) => other !== id && isLive(other));
  }

  /** The sessions that a login ends; `undefined` if the login is refused. */
  endedBy({ id, subject, limit }: Login): readonly string[] | undefined {
    if (subject === undefined || limit === undefined) return [];
    const others = this.others(subject, id);
    if (others.length < limit.max) return [];
    return limit.over === "refuse" ? undefined : others.slice(0, others.length - limit.max + 1);
  }

  /** A session got its subject. */
  loggedIn(id: string, subject: string): void {
    if (this.#bySubject === undefined) return;
    this.ended(id);
    this.#subjects.set(id, subject);
    const ids = this.#bySubject.get(subject);
    if (ids === undefined) this.#bySubject.set(subject, new Set([id]));
    else ids.add(id);
  }

  /** A session ended, or lost its subject to another one. */
  ended(id: string): void {
    const subject = this.#subjects.get(id);
    if (subject === undefined) return;
    this.#subjects.delete(id);
    const ids = this.#bySubject?.get(subject);
    ids?.delete(id);
    if (ids?.size === 0) this.#bySubject?.delete(subject);
  }
}

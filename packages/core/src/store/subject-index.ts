import type { SubjectLimit } from "./subject-contract.ts";

/**
 * The sessions of each subject, in the order of their logins. The index is built at its first use, so that applications without a
 * limit of subjects pay nothing.
 */
export class SubjectIndex {
  readonly #all: () => Iterable<readonly [id: string, subject: string | undefined]>;
  #bySubject: Map<string, Set<string>> | undefined;
  readonly #subjects = new Map<string, string>();

  /** `all`: the sessions that exist, in the order of their creation. */
  constructor(all: () => Iterable<readonly [id: string, subject: string | undefined]>) {
    this.#all = all;
  }

  /** The sessions of the subject other than `id`, the oldest login first. Expired sessions are among them until `ended`. */
  others(subject: string, id: string): readonly string[] {
    if (this.#bySubject === undefined) {
      this.#bySubject = new Map();
      for (const [each, its] of this.#all()) if (its !== undefined) this.loggedIn(each, its);
    }
    return [...(this.#bySubject.get(subject) ?? [])].filter((each) => each !== id);
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

/** The sessions that a new login ends; `undefined` if the new login is refused. `older`: the live sessions, the oldest login first. */
export function sessionsOver(older: readonly string[], limit: SubjectLimit): readonly string[] | undefined {
  if (older.length < limit.max) return [];
  return limit.over === "refuse" ? undefined : older.slice(0, older.length - limit.max + 1);
}

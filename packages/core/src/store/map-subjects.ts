import { assertSubjectText } from "../base/names.ts";
import type { CreateRequest } from "./contract.ts";
import type { MapEntries } from "./map-entries.ts";
import { peekExtra } from "./map-entry.ts";
import { sessionsOver, SubjectIndex } from "./subject-index.ts";

/** The live sessions of each subject in `mapStore`, and which of them a login ends. */
export class MapSubjects {
  readonly #entries: () => MapEntries;
  readonly #index = new SubjectIndex(() => this.#idsAndSubjects());

  /** `entries` is called later, because the entries report their deletions to this object. */
  constructor(entries: () => MapEntries) {
    this.#entries = entries;
  }

  loggedIn(id: string, subject: string): void {
    this.#index.loggedIn(id, subject);
  }

  ended(id: string): void {
    this.#index.ended(id);
  }

  of(subject: string): string[] {
    assertSubjectText("mapStore", subject);
    const ids: string[] = [];
    for (const [id, its] of this.#idsAndSubjects()) if (its === subject) ids.push(id);
    return ids;
  }

  /** The live sessions of the subject other than `id`, the oldest login first. */
  others(subject: string, id: string): readonly string[] {
    const entries = this.#entries();
    return this.#index.others(subject, id).filter((other) => entries.find(other) !== undefined);
  }

  /** The sessions that a login ends; `undefined` if the login is refused. */
  endedBy({
    id,
    subject,
    limit,
  }: Pick<CreateRequest, "id" | "subject" | "limit">): readonly string[] | undefined {
    if (subject === undefined || limit === undefined) return [];
    return sessionsOver(this.others(subject, id), limit);
  }

  *#idsAndSubjects(): Generator<readonly [id: string, subject: string | undefined]> {
    for (const [id, entry] of this.#entries().live()) yield [id, peekExtra(entry)?.subject];
  }
}

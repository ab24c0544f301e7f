import { invalidArgument } from "./errors.ts";

/**
 * Throws INVALID_ARGUMENT unless `subject` is a string of well-formed Unicode that is not empty. Without the check `undefined`, which
 * a program without types passes by mistake, would mean every session that has no subject. An encoder of UTF-8 replaces each lone
 * surrogate by the same character (U+FFFD), so a store would take different subjects for one.
 */
export function assertSubject(where: string, subject: unknown): asserts subject is string {
  if (typeof subject !== "string" || subject === "")
    throw invalidArgument(`${where}: the subject must be a string that is not empty`);
  if (!subject.isWellFormed()) throw invalidArgument(`${where}: the subject must be well-formed Unicode`);
}

/** As `assertSubject`, for a subject that may be left out. */
export function assertOptionalSubject(
  where: string,
  subject: unknown,
): asserts subject is string | undefined {
  if (subject !== undefined) assertSubject(where, subject);
}

/** For stores, where the empty name means no subject. Throws INVALID_ARGUMENT unless `subject` is a string. */
export function assertSubjectText(store: string, subject: unknown): asserts subject is string {
  if (typeof subject !== "string") throw invalidArgument(`${store}: the subject must be a string`);
}

/** Throws INVALID_ARGUMENT unless `id` is a string. A string that can't be an id names no session. */
export function assertId(where: string, id: unknown): asserts id is string {
  if (typeof id !== "string") throw invalidArgument(`${where}: the session's id must be a string`);
}

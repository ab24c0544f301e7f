import { invalidArgument } from "./errors.ts";

/**
 * Throws INVALID_ARGUMENT unless `subject` is a string that is not empty. Without the check `undefined`, which a program
 * without types passes by mistake, would mean every session that has no subject.
 */
export function assertSubject(where: string, subject: unknown): asserts subject is string {
  if (typeof subject !== "string" || subject === "")
    throw invalidArgument(`${where}: a subject is a string that is not empty`);
}

/** As `assertSubject`, for what may be left out. */
export function assertOptionalSubject(
  where: string,
  subject: unknown,
): asserts subject is string | undefined {
  if (subject !== undefined) assertSubject(where, subject);
}

/** For a store, where an empty name is that of nobody. Throws INVALID_ARGUMENT. */
export function assertSubjectText(store: string, subject: unknown): asserts subject is string {
  if (typeof subject !== "string") throw invalidArgument(`${store}: a subject is a string`);
}

/** Throws INVALID_ARGUMENT unless `id` is a string. A string that can't name a session is that of no session. */
export function assertId(where: string, id: unknown): asserts id is string {
  if (typeof id !== "string") throw invalidArgument(`${where}: a session's id is a string`);
}

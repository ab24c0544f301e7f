/** The checks of the arguments of `sessions.watch`. */
import { assertBoolean, assertFunction, assertMethods, assertOptions } from "../base/arguments.ts";
import { invalidArgument } from "../base/errors.ts";
import { assertSubject } from "../base/names.ts";

/** Returns the subjects, each once. Throws INVALID_ARGUMENT. */
export function checkWatch(
  subjects: Iterable<string>,
  listener: (event: never) => unknown,
  options: { readonly signal: AbortSignal },
): readonly string[] {
  // A string, and a String object, is an iterable of its characters, which are not subjects.
  const isIterable = typeof subjects === "object" && subjects !== null && Symbol.iterator in subjects;
  if (!isIterable || Object.prototype.toString.call(subjects) === "[object String]")
    throw invalidArgument("watch() takes an array of subjects, or another iterable of them");
  const unique = new Set<string>();
  for (const subject of subjects) {
    assertSubject("watch()", subject);
    unique.add(subject);
  }
  assertFunction("watch()'s listener", listener);
  assertOptions("watch()", options, ["signal"]);
  const { signal } = options;
  assertMethods("watch()'s signal", signal, "an AbortSignal", ["addEventListener", "removeEventListener"]);
  assertBoolean("watch()'s signal.aborted", signal.aborted);
  return [...unique];
}

import { assertCount, assertOneOf, assertOptions, memberOf, shown } from "../base/arguments.ts";
import { invalidArgument, SessionError } from "../base/errors.ts";
import type { SessionStore } from "../store/contract.ts";
import type { SubjectLimit } from "../store/subject-contract.ts";
import type { CommonOptions } from "./options.ts";
import type { Settings } from "./settings.ts";

/** Resolves `exclusive` and `maxSessionsPerSubject`. Throws NOT_SUPPORTED if the store can't limit subjects. */
export function resolveSubjectLimits(
  { exclusive, maxSessionsPerSubject: limit }: Pick<CommonOptions, "exclusive" | "maxSessionsPerSubject">,
  store: SessionStore,
): Pick<Settings<object>, "exclusive" | "exclusiveSubject" | "subjectLimit"> {
  assertExclusive(exclusive);
  const exclusiveSubject = exclusive === "subject";
  const subjectLimit = limit === undefined ? undefined : subjectLimitOf(limit);
  if (store.takeOverSubject === undefined) {
    if (exclusiveSubject) throw notSupported('exclusive: "subject"');
    if (subjectLimit !== undefined) throw notSupported("maxSessionsPerSubject");
  }
  return { exclusive: exclusive !== undefined && exclusive !== false, exclusiveSubject, subjectLimit };
}

function assertExclusive(value: unknown): void {
  const allowed: readonly unknown[] = [undefined, true, false, "session", "subject"];
  if (!allowed.includes(value))
    throw invalidArgument(`exclusive must be true, false, "session" or "subject", not ${shown(value)}`);
}

function subjectLimitOf(given: unknown): SubjectLimit {
  if (typeof given !== "object" || given === null) {
    assertCount("maxSessionsPerSubject", given);
    return { max: given, over: "oldest" };
  }
  assertOptions("maxSessionsPerSubject", given, ["max", "over"]);
  const max = memberOf(given, "max");
  const over = memberOf(given, "over");
  assertCount("maxSessionsPerSubject.max", max);
  if (over === undefined) return { max, over: "oldest" };
  assertOneOf("maxSessionsPerSubject.over", over, ["oldest", "refuse"]);
  return { max, over };
}

function notSupported(option: string): SessionError {
  return new SessionError("NOT_SUPPORTED", `this store does not support the option ${option}`);
}

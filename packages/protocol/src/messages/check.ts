import { isPromiseLike } from "../awaitable.ts";
import { issuePaths } from "../schema.ts";
import type { SchemaResult, StandardSchemaV1 } from "../schema.ts";

/** The result of checking a payload. `problem` names paths in the payload, and never quotes values. */
export type Verdict =
  | { readonly accepted: true; readonly value: unknown }
  | { readonly accepted: false; readonly problem: string; readonly cause: unknown };

/**
 * Checks a value against a schema. Never throws, and never rejects. A schema that throws counts as a refusal, because otherwise a
 * client could make a handler fail with a payload that makes a transform throw.
 */
export function check(schema: StandardSchemaV1, value: unknown): Verdict | Promise<Verdict> {
  try {
    const result = schema["~standard"].validate(value);
    return isPromiseLike(result) ? Promise.resolve(result).then(verdictOf).catch(failed) : verdictOf(result);
  } catch (cause) {
    return failed(cause);
  }
}

function verdictOf(result: SchemaResult<unknown>): Verdict {
  if (result.issues === undefined) return { accepted: true, value: result.value };
  const problem = `does not satisfy its schema at ${issuePaths(result.issues)}`;
  return { accepted: false, problem, cause: result.issues };
}

function failed(cause: unknown): Verdict {
  return { accepted: false, problem: "has a schema that threw an error", cause };
}

/** The application's data: `schema` and `migrate`. */
import { isDeepStrictEqual } from "node:util";
import { forbiddenField } from "../store/change.ts";
import { invalidArgument, SessionError } from "../base/errors.ts";
import type { Settings } from "../api/settings.ts";
import { issuePaths } from "@wsession/protocol";
import type { SchemaResult, StandardSchemaV1 } from "@wsession/protocol";
import { isRefusedPromise } from "../base/promises.ts";

/**
 * Checks data for a session: an object without forbidden fields that satisfies the schema. Returns the schema's output.
 * Throws INVALID_DATA otherwise.
 */
export function checkData<Data extends object>(schema: Settings<Data>["schema"], value: unknown): Data {
  if (typeof value !== "object" || value === null) {
    throw new SessionError("INVALID_DATA", "a session's data must be an object", { outcome: "not-applied" });
  }
  if (isRefusedPromise(value)) {
    throw new SessionError("INVALID_DATA", "the data must not be a promise: await the promise first", {
      outcome: "not-applied",
    });
  }
  const forbidden = forbiddenField(value);
  if (forbidden !== undefined) {
    throw new SessionError("INVALID_DATA", `the data must not have a field with the name ${forbidden}`, {
      outcome: "not-applied",
    });
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- without a schema the application vouches for it
  if (schema === undefined) return value as Data;
  const result = validated(schema, value);
  // `instanceof` only narrows the type: `isRefusedPromise` detects every promise.
  if (isRefusedPromise(result) || result instanceof Promise) {
    throw invalidArgument("schema must be synchronous", { outcome: "not-applied" });
  }
  if (result.issues === undefined) return result.value;
  // The schema's messages may quote the data, which the message of a SessionError must not. So only `cause` has them.
  throw new SessionError(
    "INVALID_DATA",
    `the data does not satisfy the schema at ${issuePaths(result.issues)}`,
    { outcome: "not-applied", cause: result.issues },
  );
}

/**
 * As `checkData`, for the data of a new session. If the schema transformed the data, the schema also checks its own output,
 * because a session whose stored data the schema refuses could never be loaded again.
 */
export function checkNewData<Data extends object>(schema: Settings<Data>["schema"], value: unknown): Data {
  const data = checkData(schema, value);
  if (schema !== undefined && !isSameData(data, value)) checkData(schema, data);
  return data;
}

function isSameData(data: object, value: unknown): boolean {
  try {
    return data === value || isDeepStrictEqual(data, value);
  } catch {
    // The data is nested too deeply for a comparison, or has a getter that throws.
    return false;
  }
}

function validated<Data extends object>(
  schema: StandardSchemaV1<unknown, Data>,
  value: object,
): SchemaResult<Data> | Promise<SchemaResult<Data>> {
  try {
    return schema["~standard"].validate(value);
  } catch (cause) {
    throw new SessionError("INVALID_DATA", "the schema threw an error", { outcome: "not-applied", cause });
  }
}

/** Migrates data that another version of the application stored. Throws INVALID_DATA. */
export function migrated(
  migrate: (data: unknown, fromVersion: number) => unknown,
  data: object,
  from: number,
): unknown {
  let current: unknown;
  try {
    current = migrate(data, from);
  } catch (cause) {
    throw new SessionError("INVALID_DATA", `migrate failed for data of schema version ${from}`, { cause });
  }
  if (isRefusedPromise(current)) throw invalidArgument("migrate must be synchronous");
  return current;
}

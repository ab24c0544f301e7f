/**
 * The part of Standard Schema v1 (https://standardschema.dev) that is used here: zod, valibot, arktype and others
 * implement it.
 */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  /** The interface of the specification. The `~` keeps it at the end of an editor's suggestions. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** The result of a schema: a value, or at least one issue. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<SchemaIssue> };

/** One reason why a value does not satisfy a schema. */
export interface SchemaIssue {
  /** The schema's text. It may quote the value, so this library neither logs nor sends it. */
  readonly message: string;
  /** Where in the value: keys, or objects with a `key`. Absent: the value as a whole. */
  readonly path?: readonly unknown[] | undefined;
}

/**
 * A schema that accepts every value. It declares a type without a validator, so that the types of the other messages are inferred.
 *
 * @example
 * defineMessages({ toServer: { ping: unchecked<{ n: number }>(), bid: z.object({ amount: z.number() }) } });
 */
export function unchecked<T>(): StandardSchemaV1<T> {
  return {
    "~standard": {
      version: 1,
      vendor: "wsession",
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the caller declares the type
      validate: (value) => ({ value: value as T }),
    },
  };
}

const MAX_PATHS = 5;
const MAX_PATH = 64;

/**
 * The paths of the first few issues, for the message of an error. The schema's own messages are left out, because they may
 * quote the value. The paths are limited, because the value determines their number and the length of their keys.
 */
export function issuePaths(issues: readonly SchemaIssue[]): string {
  const paths = issues
    .slice(0, MAX_PATHS)
    .map(({ path }) => path?.map(pathName).join(".").slice(0, MAX_PATH) ?? "");
  return [...new Set(paths)].map((path) => (path === "" ? "the top" : path)).join(", ");
}

function pathName(part: unknown): string {
  return String(typeof part === "object" && part !== null && "key" in part ? part.key : part);
}

/**
 * The part of Standard Schema v1 (https://standardschema.dev) that is used here: zod, valibot, arktype and others
 * implement it.
 */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<SchemaIssue> };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly unknown[] | undefined;
}

/**
 * A schema that checks nothing. It says a type where no validator is wanted, so that the types of all others are inferred.
 *
 * @example
 * defineMessages({ toServer: { ping: unchecked<{ n: number }>(), bid: z.object({ amount: z.number() }) } });
 */
export function unchecked<T>(): StandardSchemaV1<T> {
  return {
    "~standard": {
      version: 1,
      vendor: "wsession",
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whoever calls it vouches for the type
      validate: (value) => ({ value: value as T }),
    },
  };
}

const MAX_PATHS = 5;
const MAX_PATH = 64;

/**
 * Where a value does not satisfy its schema, for the message of an error: the paths of the first few issues. A schema's own words
 * may quote the value, and the value decides how many issues there are, and how long the keys of a record.
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

import type { StandardSchemaV1 } from "@wsession/protocol";
import type { SessionsOptions } from "../api/options.ts";
import { resolveOptions } from "../api/resolve-options.ts";
import type { Sessions } from "../api/sessions.ts";
import { assertNoMore } from "../base/arguments.ts";
import { LiveSessions } from "./sessions.ts";

/** With a schema, `Data` is the schema's output. No other option may determine `Data`, and `initial` has to return `Data`. */
type BySchema<Data extends object, Transport> = NoInfer<SessionsOptions<Data, Transport>> &
  Pick<SessionsOptions<Data, Transport>, "schema" | "transport">;
type WithInitial<Data extends object> = { readonly initial: NonNullable<SessionsOptions<Data>["initial"]> };

/**
 * The compiler checks `() => ({ role: "a", at: [1, 2] })` once, before it has inferred `Data`. The contextual type there
 * decides whether literals and tuples keep their narrow types. A schema may need the narrow types; without a schema they would
 * make `Data` too narrow. So the second member of the union is the contextual type where `schema` is absent. No data matches
 * the second member.
 */
type WithBoth<Data extends object> =
  | (NoInfer<WithInitial<Data | (Data & Literals)>> & { readonly schema: StandardSchemaV1<unknown, Data> })
  | (WithInitial<never> & { readonly schema?: undefined });
type Literals = { readonly [name: string]: Literal };
type Literal = "" | 0 | 0n | boolean | Literals | readonly Literal[] | [];

/**
 * Makes the sessions of one application in one process. With `initial` every handler has a session, and
 * `connection.session` is never `undefined`. `Data` is inferred from `schema`, else from `initial`; else pass it as the type
 * argument.
 *
 * @throws INVALID_ARGUMENT for an invalid value of an option, and for an unknown option.
 * @example
 * const sessions = createSessions({
 *   store: mapStore(),
 *   token: cookieToken(),
 *   origins: ["https://example.com"],
 *   initial: () => ({ visits: 0 }),
 * });
 * bindSessions(server, sessions, {
 *   message: (connection, text) => connection.send(text),
 * });
 */
export function createSessions<Data extends object, Transport = unknown>(
  options: Omit<SessionsOptions<object, Transport>, "initial" | "schema"> & WithBoth<Data>,
): Sessions<Data, Transport, never>;
export function createSessions<Data extends object, Transport = unknown>(
  options: SessionsOptions<Data, Transport> & WithInitial<Data> & { readonly schema?: undefined },
): Sessions<Data, Transport, never>;
export function createSessions<Data extends object, Transport = unknown>(
  options: BySchema<Data, Transport> & NoInfer<WithInitial<Data>>,
): Sessions<Data, Transport, never>;
// The overload with all options is the last, because the compiler explains a call that fits no overload by the last one.
export function createSessions<Data extends object, Transport = unknown>(
  options?: BySchema<Data, Transport>,
): Sessions<Data, Transport>;
export function createSessions<Data extends object, Transport>(
  options: SessionsOptions<Data, Transport> = {},
  surplus?: undefined,
): Sessions<Data, Transport> {
  assertNoMore("createSessions()", surplus);
  return new LiveSessions<Data, Transport, undefined>(resolveOptions(options));
}

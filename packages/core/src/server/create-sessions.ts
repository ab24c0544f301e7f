import type { Awaitable, StandardSchemaV1 } from "@wsession/protocol";
import type { CommonOptions } from "../api/options.ts";
import { resolveOptions } from "../api/resolve-options.ts";
import type { Sessions } from "../api/sessions.ts";
import type {
  AdmitOption,
  InitialOption,
  NoTokenOption,
  SchemaOption,
  TransportOption,
} from "../api/typed-options.ts";
import { assertNoMore } from "../base/arguments.ts";
import type { Acceptance, Admission, Handshake } from "../handshake/handshake.ts";
import { LiveSessions } from "./sessions.ts";

/**
 * The context of all branches of `admit`. The type of the whole admission is inferred, because from branches with different
 * contexts TypeScript would infer only the first context.
 */
type ContextOf<Admitted> = Admitted extends Acceptance<infer Context> ? Context : never;

/**
 * The type of `context` where TypeScript has not inferred the type yet, because it reads options from top to bottom: write `admit`
 * above `initial`. The compiler's messages show this name.
 */
export interface WriteAdmitAboveInitial {}
// The first test detects `any`, which is the result type of `JSON.parse`. It stays `any`.
/** The context that `initial` gets. */
type Known<Context> = 0 extends 1 & Context
  ? Context
  : unknown extends Context
    ? WriteAdmitAboveInitial
    : Context;
/** The option `initial` for this data and this admission. */
type Initial<Data, Admitted> = InitialOption<Data, Known<ContextOf<Admitted>>>;

/**
 * The compiler checks `() => ({ role: "a", at: [1, 2] })` once, before it has inferred `Data`. The contextual type there
 * decides whether literals and tuples keep their narrow types. A schema may need the narrow types; without a schema they would
 * make `Data` too narrow. So the second member of the union is the contextual type where `schema` is absent. No data matches
 * the second member. Both members need the same type parameters.
 *
 * `NoInfer` is applied to the leaf. Around an object it would make TypeScript determine the type of `context` before it has read
 * `admit`.
 */
type WithBoth<Data extends object, Admitted> =
  | (Initial<NoInfer<Data | (Data & Literals)>, Admitted> & RequiredSchema<Data>)
  | (Initial<never, Admitted> & { readonly schema?: undefined });
/** The option `schema`, required. An interface, because editors show no documentation for `Required`. */
interface RequiredSchema<Data> extends SchemaOption<Data> {
  /** As in `SchemaOption`, and required. */
  readonly schema: StandardSchemaV1<unknown, Data>;
}
/** An object of literals, at any depth. */
type Literals = { readonly [name: string]: Literal };
/** A type that makes TypeScript keep the narrow type of a literal or a tuple in its place. */
type Literal = "" | 0 | 0n | boolean | Literals | readonly Literal[] | [];

/** The options without those that decide about `Data`. */
type Options<Transport, Admitted> = CommonOptions & TransportOption<Transport> & AdmitOption<Admitted>;
/** The options with which a client needs a token. */
interface TokenRequired extends NoTokenOption {
  /** The answer to a client without a token: `"refuse"` 401, `"close"` the close code 4401. Every connection then has a session. */
  readonly onNoToken: "refuse" | "close";
  /** Absent: a client that has logged in has a session already. */
  readonly initial?: undefined;
}
/** All options. `initial` may be absent. */
interface AllOptions<Data extends object, Transport, Admitted>
  extends
    CommonOptions,
    TransportOption<Transport>,
    AdmitOption<Admitted>,
    SchemaOption<Data>,
    NoTokenOption {
  /** The data of a new session. Absent: the application calls `connection.setSession`. */
  readonly initial?: Initial<NoInfer<Data>, Admitted>["initial"] | undefined;
}

/** The options in the type of the implementation: the context may be anything. */
interface UntypedOptions<Data extends object>
  extends CommonOptions, TransportOption<unknown>, AdmitOption<Admission>, SchemaOption<Data>, NoTokenOption {
  /** The type of a method, because the compiler compares the parameters of methods in both directions. */
  readonly initial?: InitialMethod<Data>["call"] | undefined;
}
interface InitialMethod<Data> {
  call(handshake: Handshake, context: unknown): Awaitable<Data>;
}

/**
 * Makes the sessions of one application in one process. With `initial` every handler has a session, and
 * `connection.session` is never `undefined`. `Data` is inferred from `schema`, else from `initial`; else pass it as the type
 * argument. The context of `accept` is inferred from all branches of `admit`.
 *
 * @throws INVALID_ARGUMENT for an invalid value of an option, and for an unknown option. NOT_SUPPORTED for an option that the store
 * does not support.
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
export function createSessions<
  Data extends object,
  Transport = unknown,
  Admitted extends Admission = Admission,
>(
  options: Options<Transport, Admitted> & NoTokenOption & WithBoth<Data, Admitted>,
): Sessions<Data, Transport, never, ContextOf<Admitted>>;
/**
 * With `initial`, and without a schema: `Data` is inferred from what `initial` returns.
 *
 * @throws INVALID_ARGUMENT and NOT_SUPPORTED, as the first form.
 */
export function createSessions<
  Data extends object,
  Transport = unknown,
  Admitted extends Admission = Admission,
>(
  options: Options<Transport, Admitted> &
    NoTokenOption &
    Initial<Data, Admitted> & { readonly schema?: undefined },
): Sessions<Data, Transport, never, ContextOf<Admitted>>;
/**
 * With `initial`, and a `schema` that may be `undefined`.
 *
 * @throws INVALID_ARGUMENT and NOT_SUPPORTED, as the first form.
 */
export function createSessions<
  Data extends object,
  Transport = unknown,
  Admitted extends Admission = Admission,
>(
  options: Options<Transport, Admitted> &
    NoTokenOption &
    SchemaOption<Data> &
    Initial<NoInfer<Data>, Admitted>,
): Sessions<Data, Transport, never, ContextOf<Admitted>>;
/**
 * Without `initial`, where a client without a token is refused: every connection has the session of its token.
 *
 * @throws INVALID_ARGUMENT and NOT_SUPPORTED, as the first form.
 */
export function createSessions<
  Data extends object,
  Transport = unknown,
  Admitted extends Admission = Admission,
>(
  options: Options<Transport, Admitted> & SchemaOption<Data> & TokenRequired,
): Sessions<Data, Transport, never, ContextOf<Admitted>>;
// The overload with all options is the last, because the compiler explains a call that fits no overload by the last one.
/**
 * Without `initial`: `connection.session` is `undefined` until `setSession`, or a token of a stored session, sets it.
 *
 * @throws INVALID_ARGUMENT and NOT_SUPPORTED, as the first form.
 */
export function createSessions<
  Data extends object,
  Transport = unknown,
  Admitted extends Admission = Admission,
>(options?: AllOptions<Data, Transport, Admitted>): Sessions<Data, Transport, undefined, ContextOf<Admitted>>;
// Only the overloads declare the types of the transport's data and of the context, and whether a session may be absent. Core has
// none of these types.
export function createSessions<Data extends object>(
  options: UntypedOptions<Data> = {},
  surplus?: undefined,
): Sessions<Data, unknown, never> {
  assertNoMore("createSessions()", surplus);
  return new LiveSessions<Data>(resolveOptions(options));
}

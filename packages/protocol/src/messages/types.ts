/** The public types: what the sender gives, what the receiver gets, and the shapes of what messages go through. */
import type { TransactionRefused } from "../refusal.ts";
import type { StandardSchemaV1 } from "../schema.ts";
import type { SendOptions, Sent } from "../sending.ts";

// `Sessions` and `Client` by their shapes: neither core nor the client is imported, so that page and server share a file.
export interface SessionsLike {
  readonly connections: Iterable<object>;
  send(id: string, message: string, options?: SendOptions): Promise<Sent | undefined>;
  sendToSubject(
    subject: string,
    message: string,
    options?: SendOptions,
  ): Promise<{ readonly sessions: number }>;
}

export interface ClientLike {
  send(message: string): Promise<void>;
  sendNow(message: string): boolean;
  on(
    type: "message",
    listener: (event: { readonly data: string | Uint8Array; readonly replayed: boolean }) => unknown,
  ): () => void;
}

type ConnectionIn<S> = S extends { readonly connections: Iterable<infer C> } ? C : never;
type TransactionIn<S> = S extends { bind(runtime: never, handlers: infer H): unknown }
  ? H extends {
      readonly transaction?: ((transaction: infer T, data: string | Uint8Array) => unknown) | undefined;
    }
    ? T
    : never
  : never;

/** None is called `then`: who awaits `messages.to(…)` would send it, and wait for ever. */
export type Schemas = Readonly<Record<string, StandardSchemaV1>> & { readonly then?: never };

/** What the sender gives (the schema's input), and what the receiver gets (its output). */
export interface Payload<Given, Got> {
  readonly given: Given;
  readonly got: Got;
}

export type InputOf<Schema extends StandardSchemaV1> = NonNullable<Schema["~standard"]["types"]>["input"];
export type OutputOf<Schema extends StandardSchemaV1> = NonNullable<Schema["~standard"]["types"]>["output"];
export type Payloads = Readonly<Record<string, Payload<unknown, unknown>>>;

/** One for each name: a function, or `{ transaction }` where the message is to be handled exactly once. */
export type MessageHandlers<ToServer extends Payloads, S> = {
  readonly [Name in keyof ToServer]:
    | ((connection: ConnectionIn<S>, payload: ToServer[Name]["got"]) => unknown)
    | { readonly transaction: (transaction: TransactionIn<S>, payload: ToServer[Name]["got"]) => unknown };
};

/** Handlers in a file of their own: `Pick<MessageHandlersOf<typeof messages, typeof sessions>, "bid">`. */
export type MessageHandlersOf<M, S> =
  M extends Messages<infer ToServer, infer _ToClient, infer _Refusals> ? MessageHandlers<ToServer, S> : never;

/** What `handlers` returns, for `bindSessions`. */
export interface RawHandlers<S> {
  readonly message: (connection: ConnectionIn<S>, data: string | Uint8Array) => unknown;
  /** There only where one of the handlers is a `{ transaction }`. */
  readonly transaction?: (transaction: TransactionIn<S>, data: string | Uint8Array) => unknown;
}

/** Where a payload may be undefined (`z.void()`) it may be left out. */
export type Senders<To extends Payloads, Options extends unknown[], Result> = {
  readonly [Name in keyof To]: undefined extends To[Name]["given"]
    ? (payload?: To[Name]["given"], ...options: Options) => Result
    : (payload: To[Name]["given"], ...options: Options) => Result;
};

export type Listeners<ToClient extends Payloads> = {
  readonly [Name in keyof ToClient]: (
    listener: (payload: ToClient[Name]["got"], event: { readonly replayed: boolean }) => unknown,
  ) => () => void;
};

export type Refusers<Refusals extends Payloads> = {
  readonly [Name in keyof Refusals & string]: undefined extends Refusals[Name]["given"]
    ? (detail?: Refusals[Name]["given"]) => TransactionRefused<Name, Refusals[Name]["given"]>
    : (detail: Refusals[Name]["given"]) => TransactionRefused<Name, Refusals[Name]["given"]>;
};

export interface MessageClient<ToServer extends Payloads, ToClient extends Payloads> {
  /** As the client's `send`. Rejects with a MessageError where the payload does not satisfy its schema. */
  readonly send: Senders<ToServer, [], Promise<void>>;
  /** As the client's `sendNow`. Throws a MessageError where the payload does not satisfy its schema. */
  readonly sendNow: Senders<ToServer, [], boolean>;
  /** Each returns a function that takes the listener off. */
  readonly on: Listeners<ToClient>;
  /** A message of no such name, or whose payload is not what its schema says. A binary message has no name. */
  onInvalid(
    listener: (message: { readonly name: string | undefined; readonly data: string | Uint8Array }) => unknown,
  ): () => void;
}

export interface Messages<ToServer extends Payloads, ToClient extends Payloads, Refusals extends Payloads> {
  /**
   * Handlers for `bindSessions`, among the others: `{ open, ...messages.handlers(sessions, { … }) }`. What is no message of a
   * known name, or does not satisfy its schema, is refused with a TransactionRefused of the code INVALID_MESSAGE, and reaches
   * no handler.
   *
   * @throws INVALID_ARGUMENT where a name has no handler, or a handler has no name.
   */
  handlers<S extends Pick<SessionsLike, "connections">>(
    sessions: S,
    handlers: MessageHandlers<ToServer, S>,
  ): RawHandlers<S>;
  /**
   * To a connection, a session, or from a transaction: takes the options and gives the answer of the target's own `send`.
   *
   * @throws MessageError where the payload does not satisfy its schema; INVALID_ARGUMENT where the schema answers with a
   * promise and the target's `send` does not.
   */
  to<Options extends unknown[], Result>(target: {
    readonly id: string;
    send(message: string, ...options: Options): Result;
  }): Senders<ToClient, Options, Result>;
  /** As `sessions.send(id, …)`. */
  toSession(
    sessions: SessionsLike,
    id: string,
  ): Senders<ToClient, [options?: SendOptions], Promise<Sent | undefined>>;
  /** As `sessions.sendToSubject(subject, …)`. */
  toSubject(
    sessions: SessionsLike,
    subject: string,
  ): Senders<ToClient, [options?: SendOptions], Promise<{ readonly sessions: number }>>;
  /** To throw in a transaction: `throw messages.refuse.outbid({ highest })`. */
  readonly refuse: Refusers<Refusals>;
  /** Whether `error` is a refusal of this name, with a detail that satisfies its schema. */
  isRefused<Name extends keyof Refusals & string>(
    error: unknown,
    name: Name,
  ): error is TransactionRefused<Name, Refusals[Name]["got"]>;
  /** The same messages over a client. It listens for messages from the first listener on. */
  client(client: ClientLike): MessageClient<ToServer, ToClient>;
}

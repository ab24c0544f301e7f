/** The public types: the payloads of sender and receiver, and the interfaces of the objects that send messages. */
import type { TransactionRefused } from "../refusal.ts";
import type { StandardSchemaV1 } from "../schema.ts";
import type { SendOptions, Sent } from "../sending.ts";

// Structural types in place of `Sessions` and `Client`, so that page and server share a file that imports neither core nor the client.
/** The members of `createSessions`' result that messages use. */
export interface SessionsLike {
  /** The live connections of this process. */
  readonly connections: Iterable<object>;
  /** As `sessions.send`: keeps the message for the session. `undefined`: there is no such session. */
  send(id: string, message: string, options?: SendOptions): Promise<Sent | undefined>;
  /** As `sessions.sendToSubject`: keeps the message for each session of the subject. */
  sendToSubject(
    subject: string,
    message: string,
    options?: SendOptions,
  ): Promise<{ readonly sessions: number; readonly failed: number }>;
}

/** The members of a client of `@wsession/client` that messages use. */
export interface ClientLike {
  /** Sends a numbered message. Resolves once the server has handled it. */
  send(message: string): Promise<void>;
  /** Sends a message that is neither numbered nor kept. False: the client is not live. */
  sendNow(message: string): boolean;
  /** Adds a listener. The returned function removes it. */
  on(
    type: "message",
    listener: (event: { readonly data: string | Uint8Array; readonly replayed: boolean }) => unknown,
  ): () => void;
}

/** The type of the connections of these sessions. */
type ConnectionIn<S> = S extends { readonly connections: Iterable<infer C> } ? C : never;
/** The type of the argument of their handler `transaction`. */
type TransactionIn<S> = S extends { bind(runtime: never, handlers: infer H): unknown }
  ? H extends {
      readonly transaction?: ((transaction: infer T, data: string | Uint8Array) => unknown) | undefined;
    }
    ? T
    : never
  : never;

/**
 * The transaction of every runtime. `TransactionIn` finds one whose socket is an `object`, because inference erases the type
 * parameter of `bind`; `HandlersOf<S>` calls its handler with one whose socket is `unknown`.
 */
type AnyTransactionIn<S> = {
  readonly [Member in keyof TransactionIn<S>]: Member extends "connection"
    ? ConnectionIn<S>
    : TransactionIn<S>[Member];
};

/** The name `then` is excluded, because `await messages.to(…)` would send that message and never resolve. */
export type Schemas = Readonly<Record<string, StandardSchemaV1>> & { readonly then?: never };

/** The payload of the sender (the schema's input), and the payload of the receiver (the schema's output). */
export interface Payload<Given, Got> {
  /** What the sender passes: the input of the schema. */
  readonly given: Given;
  /** What the receiver gets: the output of the schema, after its defaults and conversions. */
  readonly got: Got;
}

/** The type that a schema accepts. */
export type InputOf<Schema extends StandardSchemaV1> = NonNullable<Schema["~standard"]["types"]>["input"];
/** The type that a schema returns. */
export type OutputOf<Schema extends StandardSchemaV1> = NonNullable<Schema["~standard"]["types"]>["output"];
/** The payloads of messages, by the names of the messages. */
export type Payloads = Readonly<Record<string, Payload<unknown, unknown>>>;

/** One handler for each name: a function, or `{ transaction }` to apply the message exactly once. */
export type MessageHandlers<ToServer extends Payloads, S> = {
  readonly [Name in keyof ToServer]:
    | ((connection: ConnectionIn<S>, payload: ToServer[Name]["got"]) => unknown)
    | { readonly transaction: (transaction: TransactionIn<S>, payload: ToServer[Name]["got"]) => unknown };
};

/** Handlers in a file of their own: `Pick<MessageHandlersOf<typeof messages, typeof sessions>, "bid">`. */
export type MessageHandlersOf<M, S> =
  M extends Messages<infer ToServer, infer _ToClient, infer _Refusals> ? MessageHandlers<ToServer, S> : never;

/** The result of `handlers`, for `bindSessions`. */
export interface RawHandlers<S> {
  /** Parses a message, and calls its handler. */
  readonly message: (connection: ConnectionIn<S>, data: string | Uint8Array) => unknown;
  /** Present only if one of the handlers is a `{ transaction }`. */
  readonly transaction?: (transaction: AnyTransactionIn<S>, data: string | Uint8Array) => unknown;
}

/** A payload that may be undefined (`z.void()`) may be omitted. */
export type Senders<To extends Payloads, Options extends unknown[], Result> = {
  readonly [Name in keyof To]: undefined extends To[Name]["given"]
    ? (payload?: To[Name]["given"], ...options: Options) => Result
    : (payload: To[Name]["given"], ...options: Options) => Result;
};

/**
 * One method for each message, which adds a listener. The returned function removes it. `replayed`: the message was kept before
 * this connection.
 */
export type Listeners<ToClient extends Payloads> = {
  readonly [Name in keyof ToClient]: (
    listener: (payload: ToClient[Name]["got"], event: { readonly replayed: boolean }) => unknown,
  ) => () => void;
};

/** One function for each refusal, which makes the error. A detail that may be undefined may be omitted. */
export type Refusers<Refusals extends Payloads> = {
  readonly [Name in keyof Refusals & string]: undefined extends Refusals[Name]["given"]
    ? (detail?: Refusals[Name]["given"]) => TransactionRefused<Name, Refusals[Name]["given"]>
    : (detail: Refusals[Name]["given"]) => TransactionRefused<Name, Refusals[Name]["given"]>;
};

/** The messages of a page, over one client. */
export interface MessageClient<ToServer extends Payloads, ToClient extends Payloads> {
  /** As the client's `send`. Rejects with a MessageError if the payload does not satisfy its schema. */
  readonly send: Senders<ToServer, [], Promise<void>>;
  /** As the client's `sendNow`. Throws a MessageError if the payload does not satisfy its schema. */
  readonly sendNow: Senders<ToServer, [], boolean>;
  /** Each method adds a listener, and returns a function that removes it. */
  readonly on: Listeners<ToClient>;
  /**
   * Adds a listener for messages with an undefined name or a payload that does not satisfy its schema. A binary message has no
   * name.
   */
  onInvalid(
    listener: (message: { readonly name: string | undefined; readonly data: string | Uint8Array }) => unknown,
  ): () => void;
}

/** The defined messages, as `defineMessages` returns them. Server and page share one such object. */
export interface Messages<ToServer extends Payloads, ToClient extends Payloads, Refusals extends Payloads> {
  /**
   * Handlers for `bindSessions`, among the others: `{ open, ...messages.handlers(sessions, { … }) }`. A received message
   * with an undefined name, or with a payload that does not satisfy its schema, is refused with a TransactionRefused of the code
   * INVALID_MESSAGE, and no handler is called.
   *
   * @throws INVALID_ARGUMENT if a name has no handler, or a handler has a name that is not defined.
   */
  handlers<S extends Pick<SessionsLike, "connections">>(
    sessions: S,
    handlers: MessageHandlers<ToServer, S>,
  ): RawHandlers<S>;
  /**
   * Sends through a connection, a session or a transaction. Has the options and the result of the target's own `send`.
   *
   * @throws MessageError if the payload does not satisfy its schema; INVALID_ARGUMENT if the schema is asynchronous and the
   * target's `send` is synchronous.
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
  ): Senders<
    ToClient,
    [options?: SendOptions],
    Promise<{ readonly sessions: number; readonly failed: number }>
  >;
  /** Creates the error that refuses a transaction: `throw messages.refuse.outbid({ highest })`. */
  readonly refuse: Refusers<Refusals>;
  /** Whether `error` is a refusal of this name, with a detail that satisfies its schema. */
  isRefused<Name extends keyof Refusals & string>(
    error: unknown,
    name: Name,
  ): error is TransactionRefused<Name, Refusals[Name]["got"]>;
  /** Sends and receives the messages over a client. Subscribes to the client with the first listener. */
  client(client: ClientLike): MessageClient<ToServer, ToClient>;
}

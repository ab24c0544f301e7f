/** The server's side of receiving: the handlers that `bindSessions` takes. */
import { isPromiseLike } from "../awaitable.ts";
import { invalidArgument } from "../errors.ts";
import { TransactionRefused } from "../refusal.ts";
import { isObject, isPlain } from "./definition.ts";
import type { Definition } from "./definition.ts";
import { readIncoming } from "./incoming.ts";
import { Sequence } from "./sequence.ts";
import type { MessageHandlers, Payloads, RawHandlers } from "./types.ts";

type Handle = (from: unknown, payload: unknown) => unknown;

interface Handler {
  readonly handle: Handle;
  readonly inTransaction: boolean;
}

/** The two handlers of `bindSessions`, without types, because this file only passes connections and transactions on. */
interface UntypedHandlers {
  readonly message: (connection: unknown, data: string | Uint8Array) => unknown;
  readonly transaction?: (transaction: unknown, data: string | Uint8Array) => unknown;
}

export function rawHandlers<S>(
  definition: Definition,
  sessions: S,
  given: MessageHandlers<Payloads, S>,
): RawHandlers<S>;
export function rawHandlers(definition: Definition, sessions: unknown, given: unknown): UntypedHandlers {
  if (!isObject(sessions) || !isIterable(sessions["connections"]))
    throw invalidArgument(
      "handlers() takes the result of createSessions first, and an object with handlers second",
    );
  const handlers = readHandlers(definition, given);
  const order = new Sequence<unknown>();
  const receive = (
    key: unknown,
    data: string | Uint8Array,
    act: (handler: Handler, payload: unknown) => unknown,
  ) => {
    const { name, verdict } = readIncoming(definition, data);
    const isLate = isPromiseLike(verdict) || order.isWaiting(key);
    return order.nowOrInOrder(key, verdict, (known) => {
      const handler = name === undefined ? undefined : handlers.get(name);
      // Do not quote an undefined name, because the client chose it.
      const subject = handler === undefined ? "the received message" : name;
      if (!known.accepted) throw invalid(`${subject} ${known.problem}`, known.cause);
      if (isLate && discardsLate(key)) return undefined;
      return handler === undefined ? undefined : act(handler, known.value);
    });
  };
  const message: UntypedHandlers["message"] = (connection, data) =>
    receive(connection, data, ({ handle, inTransaction }, payload) => {
      if (inTransaction)
        throw invalid(
          "the received message must be sent by `send`, because its handler runs in a transaction",
        );
      return handle(connection, payload);
    });
  if (![...handlers.values()].some(({ inTransaction }) => inTransaction)) return { message };
  return {
    message,
    transaction: (transaction, data) =>
      receive(connectionOf(transaction), data, ({ handle, inTransaction }, payload) =>
        inTransaction
          ? handle(transaction, payload)
          : outsideTransaction(transaction, () => handle(connectionOf(transaction), payload)),
      ),
  };
}

/** The client gets only the text. The server's report also has the cause: the issues of the schema. */
function invalid(message: string, cause?: unknown): TransactionRefused {
  const error = new TransactionRefused("INVALID_MESSAGE", { message });
  if (cause !== undefined) error.cause = cause;
  return error;
}

function connectionOf(transaction: unknown): unknown {
  return isObject(transaction) ? transaction["connection"] : undefined;
}

/**
 * Whether the server has ended the connection while the message waited for an asynchronous schema. Otherwise the application would
 * handle messages of a user who is logged out.
 */
function discardsLate(connection: unknown): boolean {
  const discards: unknown = isObject(connection) ? connection["discardsLate"] : undefined;
  return isHandle(discards) && Reflect.apply(discards, connection, []) === true;
}

/** A handler without a transaction may write through its connection's session, which a transaction refuses. */
function outsideTransaction(transaction: unknown, work: () => unknown): unknown {
  const atLeastOnce: unknown = isObject(transaction) ? transaction["atLeastOnce"] : undefined;
  return isHandle(atLeastOnce) ? Reflect.apply(atLeastOnce, transaction, [work]) : work();
}

function readHandlers(definition: Definition, given: unknown): ReadonlyMap<string, Handler> {
  if (!isPlain(given))
    throw invalidArgument("handlers() takes an object with one handler for each message of toServer");
  const surplus = Object.keys(given).find((name) => !definition.has(name));
  if (surplus !== undefined)
    throw invalidArgument(
      `handlers() has a handler for ${JSON.stringify(surplus)}, which toServer does not define`,
    );
  const handlers = new Map<string, Handler>();
  for (const name of definition.keys())
    handlers.set(name, readHandler(name, Object.hasOwn(given, name) ? given[name] : undefined));
  return handlers;
}

function readHandler(name: string, given: unknown): Handler {
  if (isHandle(given)) return { handle: given, inTransaction: false };
  if (isObject(given) && Object.hasOwn(given, "transaction") && Object.keys(given).length === 1) {
    const { transaction } = given;
    if (isHandle(transaction)) return { handle: transaction, inTransaction: true };
  }
  throw invalidArgument(
    `the handler of ${name} must be a function, or an object with the function transaction`,
  );
}

function isIterable(value: unknown): boolean {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

function isHandle(value: unknown): value is Handle {
  return typeof value === "function";
}

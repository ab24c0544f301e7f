/**
 * Messages with names and types, on top of the protocol. Page and server share one definition. The messages also work over raw
 * sockets.
 */
import { invalidArgument } from "../errors.ts";
import { TypedClient } from "./client.ts";
import { assertNoMore, isPlain, readDefinition } from "./definition.ts";
import { rawHandlers } from "./handlers.ts";
import { NamedRefusals } from "./refusals.ts";
import { MessageSenders } from "./senders.ts";
import type { InputOf, Messages, OutputOf, Payload, Payloads, Schemas } from "./types.ts";

export { isMessageError, MessageError } from "./errors.ts";
export type { MessageErrorCode } from "./errors.ts";
export type {
  ClientLike,
  Listeners,
  MessageClient,
  MessageHandlers,
  MessageHandlersOf,
  Messages,
  Payload,
  RawHandlers,
  Refusers,
  Schemas,
  Senders,
  SessionsLike,
} from "./types.ts";

const DIRECTIONS: ReadonlySet<string> = new Set(["toServer", "toClient", "refusals"]);

/**
 * Defines messages by name, each with a Standard Schema: the messages of the client (`toServer`), the messages of the server
 * (`toClient`), and the details of refused transactions (`refusals`). Each side checks every message that it sends or receives.
 *
 * @throws a TypeError with the code INVALID_ARGUMENT if a schema is not a Standard Schema, or if the name of a message is `then`.
 * @example
 * export const messages = defineMessages({
 *   toServer: { bid: z.object({ amount: z.number() }) },
 *   toClient: { sold: z.object({ lot: z.string(), price: z.number() }) },
 *   refusals: { outbid: z.object({ highest: z.number() }) },
 * });
 */
export function defineMessages<
  ToServer extends Schemas = {},
  ToClient extends Schemas = {},
  Refusals extends Schemas = {},
>(definition: {
  readonly toServer?: ToServer;
  readonly toClient?: ToClient;
  readonly refusals?: Refusals;
}): Messages<
  // Written out, because with an alias editors and errors would show a validator's own types instead of payloads.
  { [Name in keyof ToServer]: Payload<InputOf<ToServer[Name]>, OutputOf<ToServer[Name]>> },
  { [Name in keyof ToClient]: Payload<InputOf<ToClient[Name]>, OutputOf<ToClient[Name]>> },
  { [Name in keyof Refusals]: Payload<InputOf<Refusals[Name]>, OutputOf<Refusals[Name]>> }
>;
export function defineMessages(
  definition: unknown,
  further?: unknown,
): Messages<Payloads, Payloads, Payloads> {
  assertNoMore("defineMessages()", further);
  if (!isPlain(definition))
    throw invalidArgument("defineMessages() takes an object with toServer, toClient and refusals");
  const surplus = Object.keys(definition).find((name) => !DIRECTIONS.has(name));
  if (surplus !== undefined)
    throw invalidArgument(
      `defineMessages() takes toServer, toClient and refusals, not ${JSON.stringify(surplus)}`,
    );
  const toServer = readDefinition("toServer", definition["toServer"]);
  const toClient = readDefinition("toClient", definition["toClient"]);
  const refusals = new NamedRefusals(readDefinition("refusals", definition["refusals"]));
  const senders = new MessageSenders(toClient);
  /** Calls `make` unless there is an argument after the last parameter. */
  const alone = <Made>(name: string, more: unknown, make: () => Made): Made => {
    assertNoMore(`${name}()`, more);
    return make();
  };
  return {
    handlers: (sessions, handlers, more?: unknown) =>
      alone("handlers", more, () => rawHandlers(toServer, sessions, handlers)),
    to: (target, more?: unknown) => alone("to", more, () => senders.to(target)),
    toSession: (sessions, id, more?: unknown) =>
      alone("toSession", more, () => senders.toSession(sessions, id)),
    toSubject: (sessions, subject, more?: unknown) =>
      alone("toSubject", more, () => senders.toSubject(sessions, subject)),
    refuse: refusals.refuse,
    isRefused: (error, name, more?: unknown): error is never =>
      alone("isRefused", more, () => refusals.is(error, name)),
    client: (client, more?: unknown) =>
      alone("client", more, () => new TypedClient(client, toServer, toClient, refusals)),
  };
}

import { MAX_NUMBER, writeServerControl } from "@wsession/protocol";
import type { Attach } from "@wsession/protocol";
import type { ConnectionBinding } from "../connection/connection.ts";
import type { LocalSession } from "../session/local-session.ts";
import type { ClientRecord } from "../store/stored-session.ts";
import type { ReplayStart } from "./replay.ts";

/** The longest message, in bytes, if the runtime does not state its limit. */
const MAX_MESSAGE = 64 * 1024;

export interface Greeting<Data extends object> {
  readonly state: LocalSession<Data> | undefined;
  readonly token: string | undefined;
  readonly resumed: boolean;
  readonly begun: ReplayStart;
  readonly protocol: string;
  readonly attach: Attach;
  /** The client's record in the store; `undefined` if numbered messages are handled at least once. */
  readonly client: KnownClient | undefined;
}

/** The store's data about a client. */
export interface KnownClient {
  /** `undefined` if there is no record. */
  readonly record: ClientRecord | undefined;
  /** The session's forget mark. */
  readonly mark: number;
}

/** The record that hello uses if the store has none for the client. */
export const NO_RECORD: ClientRecord = { settled: 0, refused: [], floor: 1 };

/** The answer to an attach, as a frame. */
export function helloOf<Data extends object, Socket extends object>(
  { settings, runtime }: ConnectionBinding<Data, Socket>,
  { state, token, resumed, begun, protocol, attach, client }: Greeting<Data>,
): string {
  return writeServerControl({
    type: "hello",
    session: state?.id,
    lasting: settings.store.capabilities.resumable,
    resumed,
    mode: client === undefined ? "message" : "transaction",
    record: client?.record !== undefined,
    settled: client?.record?.settled ?? 0,
    refused: client?.record?.refused ?? [],
    floor: client?.record?.floor ?? 0,
    mark: client?.mark ?? attach.mark,
    at: begun.at,
    last: begun.last,
    missed: begun.missed,
    beatMs: Math.min(settings.heartbeatMs, MAX_NUMBER),
    maxMessage: Math.min(runtime.maxMessageBytes ?? MAX_MESSAGE, MAX_NUMBER),
    acks: settings.outbox.whenFull === "refuse",
    protocol,
    token,
  });
}

import { MAX_NUMBER, writeServerControl } from "@wsession/protocol";
import type { Attach } from "@wsession/protocol";
import type { ConnectionContext } from "../connection/connection.ts";
import type { LocalSession } from "../session/local-session.ts";
import type { Begun } from "./replay.ts";

/** What a message may have where the runtime does not say. */
const MAX_MESSAGE = 64 * 1024;

export interface Greeting<Data extends object> {
  readonly state: LocalSession<Data> | undefined;
  readonly token: string | undefined;
  readonly resumed: boolean;
  readonly begun: Begun;
  readonly protocol: string;
  readonly attach: Attach;
}

/** The answer to an attach, as a frame. */
export function helloOf<Data extends object, Transport, Unset extends undefined, Socket extends object>(
  { settings, runtime }: ConnectionContext<Data, Transport, Unset, Socket>,
  { state, token, resumed, begun, protocol, attach }: Greeting<Data>,
): string {
  return writeServerControl({
    type: "hello",
    session: state?.id,
    lasting: settings.store.capabilities.resumable,
    resumed,
    // Numbers are not written down here: a message is handled at least once.
    mode: "message",
    record: false,
    settled: 0,
    refused: [],
    floor: 0,
    mark: attach.mark,
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

/** What a client sends. */
import { writeChain } from "./chain.ts";
import type { Position } from "./chain.ts";
import { ProtocolError } from "./errors.ts";
import {
  assertControlLength,
  optional,
  readClientId,
  readDigits,
  readFields,
  readFlag,
  readMark,
  readNumber,
  readPosition,
  readSessionId,
} from "./fields.ts";

/** Who the client is, where it stands, and which number comes next: the first frame of each connection. */
export interface Attach {
  readonly type: "attach";
  /** A random id of this page load. */
  readonly client: string;
  /** The session that numbered messages are for; `undefined`: the client has none yet. */
  readonly session: string | undefined;
  /** The number of the first counted frame to come: 1 + the last number that the client knows to be settled. */
  readonly from: number;
  /** The highest number that the client knows to be in the store's record of it; 0 for none. */
  readonly known: number;
  /** The session's forget mark as the oldest unsettled message was queued, else that of the latest hello. */
  readonly mark: number;
  /** Up to where the client has the kept messages; `undefined`: it wants those that come from here on. */
  readonly at: Position | undefined;
  /** Where the outbox ended as the client passed over a replaced message. */
  readonly witness: Position | undefined;
  /** A person opened or reloaded the page: it counts as activity, which an automatic reconnect does not. */
  readonly fresh: boolean;
}

export type ClientControl =
  | Attach
  /** Kept messages up to `offset` were read; sent only where hello says `acks`. */
  | { readonly type: "read"; readonly offset: number }
  /** Asks for a beat. */
  | { readonly type: "probe" }
  /** The token of the last notice is kept. */
  | { readonly type: "token-kept" }
  /** The client leaves for good: a close frame with 1000 follows. */
  | { readonly type: "bye" }
  /** Of a later version: passed over. */
  | { readonly type: "unknown" };

const VERSION = 1;

/** Reads a control frame of a client. Throws ProtocolError. */
export function parseClientControl(frame: string): ClientControl {
  assertControlLength(frame);
  const body = frame.slice(2);
  switch (frame[1]) {
    case "a":
      return parseAttach(body);
    case "k":
      return { type: "read", offset: readDigits("offset", body) };
    case "?":
      return { type: "probe" };
    case "t":
      return { type: "token-kept" };
    case "b":
      return { type: "bye" };
    case undefined:
      throw new ProtocolError("a control frame has a name");
    default:
      return { type: "unknown" };
  }
}

function parseAttach(body: string): Attach {
  const { v, client, session, from, known, mark, at, witness, fresh } = readFields(body);
  if (v !== VERSION) throw new ProtocolError(`this server speaks version ${VERSION} of the protocol`);
  const first = readNumber("from", from);
  if (first === 0) throw new ProtocolError("from is a number from 1");
  return {
    type: "attach",
    client: readClientId(client),
    session: optional(session, readSessionId),
    from: first,
    known: readNumber("known", known),
    mark: readMark(mark),
    at: optional(at, (value) => readPosition("at", value)),
    witness: optional(witness, (value) => readPosition("witness", value)),
    fresh: optional(fresh, (value) => readFlag("fresh", value)) ?? false,
  };
}

/** Writes a control frame of a client. */
export function writeClientControl(control: Exclude<ClientControl, { type: "unknown" }>): string {
  switch (control.type) {
    case "attach":
      return `.a${attachBody(control)}`;
    case "read":
      return `.k${control.offset}`;
    case "probe":
      return ".?";
    case "token-kept":
      return ".t";
    case "bye":
      return ".b";
  }
}

function attachBody({ client, session, from, known, mark, at, witness, fresh }: Attach): string {
  return JSON.stringify({
    v: VERSION,
    client,
    session,
    from,
    known,
    mark,
    at: pairOf(at),
    witness: pairOf(witness),
    fresh: fresh || undefined,
  });
}

function pairOf(position: Position | undefined): readonly [number, string] | undefined {
  return position === undefined ? undefined : [position.offset, writeChain(position.chain)];
}

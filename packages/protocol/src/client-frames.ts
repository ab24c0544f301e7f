/** What a client sends. */
import { writeChain } from "./chain.ts";
import type { Position } from "./chain.ts";
import { malformed, ProtocolError } from "./errors.ts";
import {
  assertControlLength,
  Body,
  readDigits,
  readFlag,
  readMark,
  readNumber,
  readPosition,
  readSessionId,
} from "./fields.ts";
import { CLIENT_ID_LENGTH } from "./limits.ts";

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
      return { type: "read", offset: readDigits(body, "offset") };
    case "?":
      return { type: "probe" };
    case "t":
      return { type: "token-kept" };
    case "b":
      return { type: "bye" };
    case undefined:
      throw malformed("a control frame's name");
    default:
      return { type: "unknown" };
  }
}

function parseAttach(json: string): Attach {
  const body = new Body(json);
  body.read("v", assertVersion);
  return {
    type: "attach",
    client: body.read("client", readClientId),
    session: body.optional("session", readSessionId),
    from: body.read("from", readFirst),
    known: body.read("known", readNumber),
    mark: body.read("mark", readMark),
    at: body.optional("at", readPosition),
    witness: body.optional("witness", readPosition),
    fresh: body.optional("fresh", readFlag) ?? false,
  };
}

function assertVersion(value: unknown): void {
  if (value !== VERSION) throw new ProtocolError(`this server speaks version ${VERSION} of the protocol`);
}

export function readClientId(value: unknown, name: string): string {
  // Both kinds of id have the same characters.
  const id = readSessionId(value, name);
  if (id.length === CLIENT_ID_LENGTH) return id;
  throw malformed(name);
}

/** Numbers begin at 1. */
function readFirst(value: unknown, name: string): number {
  return readNumber(value, name) || readNumber(undefined, name);
}

/** Asks for a beat. */
export const PROBE = ".?";
/** The token of the last notice is kept. */
export const TOKEN_KEPT = ".t";
/** The client leaves for good. */
export const BYE = ".b";

/** Kept messages up to `offset` were read. */
export function writeRead(offset: number): string {
  return `.k${offset}`;
}

type OptionalInAttach = "at" | "witness" | "fresh";

export function writeAttach(
  attach: Omit<Attach, "type" | OptionalInAttach> & Partial<Pick<Attach, OptionalInAttach>>,
): string {
  const { at, witness, fresh, ...rest } = attach;
  return `.a${JSON.stringify({
    v: VERSION,
    ...rest,
    at: at && pairOf(at),
    witness: witness && pairOf(witness),
    fresh: fresh || undefined,
  })}`;
}

function pairOf({ offset, chain }: Position): readonly [number, string] {
  return [offset, writeChain(chain)];
}

/** Writes a control frame of a client. */
export function writeClientControl(control: Exclude<ClientControl, { type: "unknown" }>): string {
  switch (control.type) {
    case "attach": {
      const { type: _, ...attach } = control;
      return writeAttach(attach);
    }
    case "read":
      return writeRead(control.offset);
    case "probe":
      return PROBE;
    case "token-kept":
      return TOKEN_KEPT;
    case "bye":
      return BYE;
  }
}

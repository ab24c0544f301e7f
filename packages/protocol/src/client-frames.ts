/** The control frames of a client. */
import { writePosition } from "./chain.ts";
import type { Position } from "./chain.ts";
import { malformed, ProtocolError } from "./errors.ts";
import {
  assertControlLength,
  optional,
  parseMembers,
  readDigits,
  readFlag,
  readMark,
  readNumber,
  readPosition,
  readSessionId,
} from "./fields.ts";
import { CLIENT_ID_LENGTH } from "./limits.ts";

/** The first frame of each connection: the client's id, its position in the outbox, and its next number. */
export interface Attach {
  /** The discriminant of `ClientControl`. */
  readonly type: "attach";
  /** A random id of this page load. */
  readonly client: string;
  /** The session of the numbered messages. `undefined`: the client has no session yet. */
  readonly session: string | undefined;
  /** The number of the next counted frame: 1 + the last number that was reported to the client as settled. */
  readonly from: number;
  /** The highest number that is certainly in the store's record of this client; 0 for none. */
  readonly known: number;
  /**
   * The session's forget mark when the oldest unsettled message was queued. Without such a message: the mark of the latest
   * hello.
   */
  readonly mark: number;
  /** The client's position in the outbox. `undefined`: the client requests only messages that are kept after the attach. */
  readonly at: Position | undefined;
  /** The end of the outbox when the client skipped a replaced message. */
  readonly witness: Position | undefined;
  /** Whether a person opened or reloaded the page. That counts as activity. An automatic reconnect does not. */
  readonly fresh: boolean;
}

/** A control frame of a client. */
export type ClientControl =
  | Attach
  /** The client has read the kept messages up to `offset`. Sent only if hello has `acks`. */
  | { readonly type: "read"; readonly offset: number }
  /** Requests a beat. */
  | { readonly type: "probe" }
  /** The client has stored the token of the last notice. */
  | { readonly type: "token-kept" }
  /** The client closes for good. A close frame with 1000 follows. */
  | { readonly type: "bye" }
  /** A frame of a later version. The receiver ignores the frame. */
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
  const { v: _, ...members } = parseMembers(json, {
    v: assertVersion,
    client: readClientId,
    session: optional(readSessionId),
    from: readFirst,
    known: readNumber,
    mark: readMark,
    at: optional(readPosition),
    witness: optional(readPosition),
    fresh: (value, name) => value !== undefined && readFlag(value, name),
  });
  return { type: "attach", ...members };
}

function assertVersion(value: unknown): void {
  if (value !== VERSION) throw new ProtocolError(`this server speaks version ${VERSION} of the protocol`);
}

/** Reads the id of a client: 16 characters of base64url. Throws ProtocolError. */
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

/** Requests a beat. */
export const PROBE = ".?";
/** The client has stored the token of the last notice. */
export const TOKEN_KEPT = ".t";
/** The client closes for good. */
export const BYE = ".b";

/** The client has read the kept messages up to `offset`. */
export function writeRead(offset: number): string {
  return `.k${offset}`;
}

/** The members that an attach may leave out. */
type OptionalInAttach = "at" | "witness" | "fresh";

/** Writes an attach. A member that is `undefined` or false is left out. */
export function writeAttach(
  attach: Omit<Attach, "type" | OptionalInAttach> & Partial<Pick<Attach, OptionalInAttach>>,
): string {
  const { at, witness, fresh, ...rest } = attach;
  return `.a${JSON.stringify({
    v: VERSION,
    ...rest,
    at: at && writePosition(at),
    witness: witness && writePosition(witness),
    fresh: fresh || undefined,
  })}`;
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

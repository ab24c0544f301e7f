/** The control frames and the kept messages of a server. */
import { readChain, readChainBytes, writeChain, writeChainBytes, writePosition } from "./chain.ts";
import type { Chain, Position } from "./chain.ts";
import { malformed, ProtocolError } from "./errors.ts";
import {
  optional,
  parseMembers,
  readDigits,
  readFlag,
  readMark,
  readMembers,
  readNumber,
  readPosition,
  readSessionId,
  readText,
} from "./fields.ts";
import { Lead } from "./frame.ts";
import { readRefused, writeRefused } from "./settled.ts";

/** The offsets `from` to `to`, both included: messages that the client did not get, and that are no longer kept. */
export interface Missed {
  /** The first of these offsets. */
  readonly from: number;
  /** The last of these offsets. */
  readonly to: number;
  /**
   * False: the store lost messages, or could not compare the client's position. The client may have messages that the server
   * lost.
   */
  readonly certain: boolean;
}

/** The answer to each attach. Sent again if the session is set later. */
export interface Hello {
  /** The discriminant of `ServerControl`. */
  readonly type: "hello";
  /** `undefined` if there is no session yet (`gate: "open"`). */
  readonly session: string | undefined;
  /** Whether the session outlives the connection. */
  readonly lasting: boolean;
  /** Whether the session existed before this connection. */
  readonly resumed: boolean;
  /** The guarantee for numbered messages. `"message"`: handled at least once. `"transaction"`: applied exactly once. */
  readonly mode: "message" | "transaction";
  /** Whether the store has a record of this client. */
  readonly record: boolean;
  /** The last number that is settled. */
  readonly settled: number;
  /** The refused numbers among the 48 numbers up to `settled`. */
  readonly refused: readonly number[];
  /** The record has no outcome for a lower number. */
  readonly floor: number;
  /** The session's forget mark. */
  readonly mark: number;
  /** The connection's position in the outbox. */
  readonly at: Position;
  /**
   * The offset of the newest kept message at the time of hello. Messages up to this offset are replayed. Later messages are
   * live.
   */
  readonly last?: number | undefined;
  /** Messages that the client never gets. `undefined`: none. */
  readonly missed: Missed | undefined;
  /** Milliseconds between two beats; 0: no beats. */
  readonly beatMs: number;
  /** The longest frame of a message that the server accepts, in bytes. */
  readonly maxMessage: number;
  /** Whether the server requests `read` frames. */
  readonly acks: boolean;
  /** The application's own subprotocol; "" for none. */
  readonly protocol: string;
  /** The session's token, a secret. Absent if a cookie carries the token. */
  readonly token: string | undefined;
}

/** A control frame of a server. */
export type ServerControl =
  | Hello
  /** Every unsettled number up to `number` is applied, except numbers that were refused earlier on this connection. */
  | { readonly type: "applied"; readonly number: number }
  /** `number` is settled without being applied. */
  | {
      readonly type: "refused";
      readonly number: number;
      readonly code: string;
      readonly message: string | undefined;
      readonly detail: unknown;
    }
  /** The next `count` offsets were replaced or have expired. `chain` is the chain of the last of these offsets. */
  | {
      readonly type: "jump";
      readonly count: number;
      readonly chain: Chain;
      readonly witness: Position | undefined;
    }
  /** `chain` is the chain of offset `to`, which is the new position. */
  | ({ readonly type: "missed"; readonly chain: Chain } & Missed)
  /** The connection's position. A server sends a beat as the answer to a probe, and after a period without other frames. */
  | ({ readonly type: "beat" } & Position)
  /** The last number in the store is `number`, although the store had acknowledged later numbers. */
  | { readonly type: "behind"; readonly number: number }
  /** The store no longer has a record of this client under the client's mark. */
  | { readonly type: "forgotten"; readonly mark: number }
  /** A new token, or the renewal code for a new cookie. Either is a secret, and the frame is never compressed. */
  | { readonly type: "notice"; readonly token: string | undefined; readonly renewalCode: string | undefined }
  /** The server shuts down within `ms`. */
  | { readonly type: "going-away"; readonly ms: number }
  /** A frame of a later version. The receiver ignores the frame. */
  | { readonly type: "unknown" };

const VERSION = 1;
const CHAIN_LENGTH = 6;

/** A kept message, and the chain after the message. */
export interface Kept {
  /** The chain after the message. */
  readonly chain: Chain;
  /** The payload, without the frame's head. */
  readonly message: string | Uint8Array;
}

/** Writes a counted frame of a server. */
export function writeKept({ chain, message }: Kept): string | Uint8Array {
  if (typeof message === "string") return `=${writeChain(chain)}${message}`;
  const frame = new Uint8Array(message.byteLength + 5);
  frame[0] = Lead.Counted;
  writeChainBytes(chain, frame, 1);
  frame.set(message, 5);
  return frame;
}

/** Reads a counted frame of a server. A binary message shares the memory of the frame. Throws ProtocolError. */
export function parseKept(frame: string | Uint8Array): Kept {
  if (typeof frame === "string")
    return { chain: readChain(frame.slice(1, 1 + CHAIN_LENGTH)), message: frame.slice(1 + CHAIN_LENGTH) };
  return { chain: readChainBytes(frame.subarray(1, 5)), message: frame.subarray(5) };
}

/** Reads a control frame of a server. Throws ProtocolError. */
export function parseServerControl(frame: string): ServerControl {
  const body = frame.slice(2);
  switch (frame[1]) {
    case "h":
      return parseHello(body);
    case "+":
      return { type: "applied", number: readDigits(body, "number") };
    case "!":
      return parseRefused(body);
    case ">":
      return parseJump(body);
    case "x":
      return { type: "missed", ...parseMembers(body, { ...MISSED, chain: readChain }) };
    case "@":
      return { type: "beat", ...wordsToPosition(body.split(" ")) };
    case "s":
      return { type: "behind", number: readDigits(body, "number") };
    case "f":
      return { type: "forgotten", mark: readMark(readDigits(body, "mark"), "mark") };
    case "n":
      return parseNotice(body);
    case "g":
      return { type: "going-away", ms: readDigits(body, "ms") };
    case undefined:
      throw malformed("a control frame's name");
    default:
      return { type: "unknown" };
  }
}

function parseHello(json: string): Hello {
  const {
    v: _,
    refused,
    ...members
  } = parseMembers(json, {
    v: assertVersion,
    session: (value, name) => (value === null ? undefined : readSessionId(value, name)),
    lasting: readFlag,
    resumed: readFlag,
    mode: readMode,
    record: readFlag,
    settled: readNumber,
    refused: readText,
    floor: readNumber,
    mark: readMark,
    at: readPosition,
    last: optional(readNumber),
    missed: optional((value) => readMembers(value, MISSED)),
    beatMs: readNumber,
    maxMessage: readNumber,
    acks: readFlag,
    protocol: readText,
    token: optional(readText),
  });
  return { type: "hello", refused: readRefused(refused, members.settled), ...members };
}

function assertVersion(value: unknown): void {
  if (value !== VERSION) throw new ProtocolError(`this client speaks version ${VERSION} of the protocol`);
}

function readMode(value: unknown, name: string): Hello["mode"] {
  if (value === "message" || value === "transaction") return value;
  throw malformed(name);
}

const MISSED = { from: readNumber, to: readNumber, certain: readFlag };

function parseRefused(text: string): ServerControl {
  const [digits] = text.split("{", 1);
  const body = parseMembers(text.slice(digits?.length), {
    code: readText,
    message: optional(readText),
    detail: (value) => value,
  });
  return {
    type: "refused",
    number: readDigits(digits, "number"),
    ...body,
  };
}

function parseJump(body: string): ServerControl {
  const [count, chain, ...witness] = body.split(" ");
  return {
    type: "jump",
    count: readDigits(count, "count"),
    chain: readChain(chain),
    witness: witness.length === 0 ? undefined : wordsToPosition(witness),
  };
}

function parseNotice(json: string): ServerControl {
  const { token, code } = parseMembers(json, { token: optional(readText), code: optional(readText) });
  return { type: "notice", token, renewalCode: code };
}

function wordsToPosition([offset, chain, ...rest]: readonly string[]): Position {
  if (rest.length > 0) throw malformed("position");
  return { offset: readDigits(offset, "offset"), chain: readChain(chain) };
}

/** Writes a control frame of a server. */
export function writeServerControl(control: Exclude<ServerControl, { type: "unknown" }>): string {
  switch (control.type) {
    case "hello":
      return `.h${helloBody(control)}`;
    case "applied":
      return `.+${control.number}`;
    case "refused": {
      const { number, code, message, detail } = control;
      return `.!${number}${JSON.stringify({ code, message, detail })}`;
    }
    case "jump": {
      const { count, chain, witness } = control;
      const words = witness === undefined ? "" : ` ${wordsOf(witness)}`;
      return `.>${count} ${writeChain(chain)}${words}`;
    }
    case "missed": {
      const { from, to, certain, chain } = control;
      return `.x${JSON.stringify({ from, to, chain: writeChain(chain), certain })}`;
    }
    case "beat":
      return `.@${wordsOf(control)}`;
    case "behind":
      return `.s${control.number}`;
    case "forgotten":
      return `.f${control.mark}`;
    case "notice":
      return `.n${JSON.stringify({ token: control.token, code: control.renewalCode })}`;
    case "going-away":
      return `.g${control.ms}`;
  }
}

function helloBody(hello: Hello): string {
  const { type: _, session, refused, settled, at, ...rest } = hello;
  return JSON.stringify({
    v: VERSION,
    session: session ?? null,
    settled,
    refused: writeRefused(refused, settled),
    at: writePosition(at),
    ...rest,
  });
}

function wordsOf({ offset, chain }: Position): string {
  return `${offset} ${writeChain(chain)}`;
}

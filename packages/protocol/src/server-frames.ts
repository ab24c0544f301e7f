/** What a server sends. */
import { readChain, readChainBytes, writeChain, writeChainBytes } from "./chain.ts";
import type { Chain, Position } from "./chain.ts";
import { malformed, ProtocolError } from "./errors.ts";
import {
  Body,
  readDigits,
  readFlag,
  readMark,
  readNumber,
  readPosition,
  readSessionId,
  readText,
} from "./fields.ts";
import { Lead } from "./frame.ts";
import { readRefused, writeRefused } from "./settled.ts";

/** Kept messages that the client did not get, and that are kept no more: from offset `from` to offset `to`, both of them. */
export interface Missed {
  readonly from: number;
  readonly to: number;
  /** False: the store lost messages, or what the client has could not be compared. It may have others than the server's. */
  readonly certain: boolean;
}

/** The answer to each attach, and once more when the session is set later. */
export interface Hello {
  readonly type: "hello";
  /** `undefined`: there is none yet (`gate: "open"`). */
  readonly session: string | undefined;
  /** Whether the session outlives the connection. */
  readonly lasting: boolean;
  readonly resumed: boolean;
  /** What becomes of numbered messages: handled at least once, or exactly once. */
  readonly mode: "message" | "transaction";
  /** Whether the store has a record of this client. */
  readonly record: boolean;
  /** The last number that is settled. */
  readonly settled: number;
  /** Which of the 48 numbers up to `settled` were refused. */
  readonly refused: readonly number[];
  /** The record says nothing of numbers below it. */
  readonly floor: number;
  /** The session's forget mark. */
  readonly mark: number;
  /** Where the connection stands in the outbox. */
  readonly at: Position;
  /** The offset of the newest kept message as hello was made: kept messages up to it are replayed, later ones are live. */
  readonly last?: number | undefined;
  readonly missed: Missed | undefined;
  /** Milliseconds between two beats; 0 for none. */
  readonly beatMs: number;
  /** The longest message that the server takes, in bytes, its frame's lead included. */
  readonly maxMessage: number;
  /** Whether the server wants `read` frames. */
  readonly acks: boolean;
  /** The application's own subprotocol; "" for none. */
  readonly protocol: string;
  /** A secret, where no cookie carries it. */
  readonly token: string | undefined;
}

export type ServerControl =
  | Hello
  /** Every unsettled number up to `number` is applied, but for those that were refused before on this connection. */
  | { readonly type: "applied"; readonly number: number }
  /** `number` is settled, and was not applied. */
  | {
      readonly type: "refused";
      readonly number: number;
      readonly code: string;
      readonly message: string | undefined;
      readonly detail: unknown;
    }
  /** The next `count` offsets are replaced or expired; `chain` is that of the offset that the position reaches. */
  | {
      readonly type: "jump";
      readonly count: number;
      readonly chain: Chain;
      readonly witness: Position | undefined;
    }
  /** `chain` is that of offset `to`: the position is there now. */
  | ({ readonly type: "missed"; readonly chain: Chain } & Missed)
  /** Where the connection stands: the answer to a probe, and what a server with nothing to say says. */
  | ({ readonly type: "beat" } & Position)
  /** The store has `number`, less than it had acknowledged. */
  | { readonly type: "behind"; readonly number: number }
  /** The store has no record of this client under its mark any more. */
  | { readonly type: "forgotten"; readonly mark: number }
  /** A new token, or the renewal code that a cookie is renewed with. A secret: never compressed. */
  | { readonly type: "notice"; readonly token: string | undefined; readonly renewalCode: string | undefined }
  /** The server goes away within `ms`. */
  | { readonly type: "going-away"; readonly ms: number }
  /** Of a later version: passed over. */
  | { readonly type: "unknown" };

const VERSION = 1;
const CHAIN_LENGTH = 6;

/** A kept message and the chain after it. */
export interface Kept {
  readonly chain: Chain;
  readonly message: string | Uint8Array;
}

export function writeKept({ chain, message }: Kept): string | Uint8Array {
  if (typeof message === "string") return `=${writeChain(chain)}${message}`;
  const frame = new Uint8Array(message.byteLength + 5);
  frame[0] = Lead.Counted;
  writeChainBytes(chain, frame, 1);
  frame.set(message, 5);
  return frame;
}

/** Reads a counted frame of a server. Binary shares the frame's memory, from its sixth byte on. Throws ProtocolError. */
export function parseKept(frame: string | Uint8Array): Kept {
  if (typeof frame === "string")
    return { chain: readChain(frame.slice(1, 1 + CHAIN_LENGTH)), message: frame.slice(1 + CHAIN_LENGTH) };
  return { chain: readChainBytes(frame, 1), message: frame.subarray(5) };
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
      return parseMissed(body);
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
  const body = new Body(json);
  body.read("v", assertVersion);
  const settled = body.read("settled", readNumber);
  return {
    type: "hello",
    session: body.read("session", (value, name) => (value === null ? undefined : readSessionId(value, name))),
    lasting: body.read("lasting", readFlag),
    resumed: body.read("resumed", readFlag),
    mode: body.read("mode", readMode),
    record: body.read("record", readFlag),
    settled,
    refused: body.read("refused", (value) => readRefused(value, settled)),
    floor: body.read("floor", readNumber),
    mark: body.read("mark", readMark),
    at: body.read("at", readPosition),
    last: body.optional("last", readNumber),
    missed: body.optional("missed", (value) => readMissed(new Body(JSON.stringify(value)))),
    beatMs: body.read("beatMs", readNumber),
    maxMessage: body.read("maxMessage", readNumber),
    acks: body.read("acks", readFlag),
    protocol: body.read("protocol", readText),
    token: body.optional("token", readText),
  };
}

function assertVersion(value: unknown): void {
  if (value !== VERSION) throw new ProtocolError(`this client speaks version ${VERSION} of the protocol`);
}

function readMode(value: unknown, name: string): Hello["mode"] {
  if (value === "message" || value === "transaction") return value;
  throw malformed(name);
}

function readMissed(body: Body): Missed {
  return {
    from: body.read("from", readNumber),
    to: body.read("to", readNumber),
    certain: body.read("certain", readFlag),
  };
}

function parseRefused(text: string): ServerControl {
  const [digits] = text.split("{", 1);
  const body = new Body(text.slice(digits?.length));
  return {
    type: "refused",
    number: readDigits(digits, "number"),
    code: body.read("code", readText),
    message: body.optional("message", readText),
    detail: body.read("detail", (value) => value),
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

function parseMissed(json: string): ServerControl {
  const body = new Body(json);
  return { type: "missed", ...readMissed(body), chain: body.read("chain", readChain) };
}

function parseNotice(json: string): ServerControl {
  const body = new Body(json);
  return {
    type: "notice",
    token: body.optional("token", readText),
    renewalCode: body.optional("code", readText),
  };
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
    at: [at.offset, writeChain(at.chain)],
    ...rest,
  });
}

function wordsOf({ offset, chain }: Position): string {
  return `${offset} ${writeChain(chain)}`;
}

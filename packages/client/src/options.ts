import { invalid } from "./client-error.ts";
import type { ClientOptions, WebSocketClass } from "./contract.ts";
import { platformWebSocket } from "./environment.ts";

/** The options, with the defaults of all that need one. */
export type Settings = Pick<ClientOptions, "token" | "storage" | "carryOver"> & {
  readonly WebSocket: WebSocketClass;
  readonly protocols: readonly string[];
  readonly minMs: number;
  readonly maxMs: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly silenceMs: number;
  readonly attempts: number;
  readonly renewalParameter: string;
};

/** Throws INVALID_ARGUMENT by name. */
export function resolveOptions(options: ClientOptions): Settings {
  check("options", options, {
    protocols: "object",
    WebSocket: "function",
    token: ["read", "write"],
    storage: ["getItem", "setItem", "removeItem"],
    backoff: { minMs: "number", maxMs: "number" },
    queue: { maxMessages: "number", maxBytes: "number" },
    carryOver: "boolean",
    silenceMs: "number",
    attempts: "number",
    renewalParameter: "string",
  });
  const {
    WebSocket = platformWebSocket(),
    protocols = [],
    token,
    storage,
    backoff: { minMs = 250, maxMs = 30_000 } = {},
    queue: { maxMessages = 256, maxBytes = 1_048_576 } = {},
    carryOver,
    silenceMs = 45_000,
    attempts = 5,
    renewalParameter = "renewal",
  } = options;
  if (WebSocket === undefined) throw invalid("WebSocket is missing");
  // A WebSocket class throws for others at each attempt.
  if (!Array.isArray(protocols) || !protocols.every((name, index) => isSubprotocol(name, index, protocols)))
    throw invalid("protocols is wrong");
  return {
    WebSocket,
    protocols,
    token,
    storage,
    minMs,
    maxMs,
    maxMessages,
    maxBytes,
    carryOver,
    silenceMs,
    attempts,
    renewalParameter,
  };
}

/** The characters are those of a token of RFC 9110. */
function isSubprotocol(name: unknown, index: number, all: readonly unknown[]): boolean {
  return typeof name === "string" && /^[!#-'*+\-.\w^`|~]+$/.test(name) && all.indexOf(name) === index;
}

/** A type; the methods of an object; or the members of one. */
type Kind = string | readonly string[] | Kinds;
interface Kinds {
  readonly [name: string]: Kind;
}

function check(where: string, given: unknown, kind: Kind): void {
  const isRight =
    typeof kind === "string"
      ? typeof given === kind && given !== null && (kind !== "number" || Number(given) > 0)
      : typeof given === "object" && given !== null;
  if (!isRight) throw invalid(`${where} is wrong`);
  if (typeof kind === "string") return;
  if (isList(kind)) {
    for (const name of kind) check(`${where}.${name}`, Reflect.get(Object(given), name), "function");
    return;
  }
  for (const [name, value] of Object.entries(Object(given))) {
    const expected = kind[name];
    if (expected === undefined) throw invalid(`${where}.${name} is unknown`);
    if (value !== undefined) check(name, value, expected);
  }
}

function isList(kind: Kinds | readonly string[]): kind is readonly string[] {
  return Array.isArray(kind);
}

import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { invalid } from "./client-error.ts";
import type { ClientOptions, WebSocketClass } from "./contract.ts";
import { platform } from "./environment.ts";

/** The options, with the defaults of those that have one. */
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

/** Throws INVALID_ARGUMENT with a message that names the option. */
export function resolveOptions(options: ClientOptions): Settings {
  const given: Partial<Settings> = {};
  collect(given, "options", options, {
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
  const { WebSocket = platform.WebSocket } = given;
  // With a name twice the WebSocket class would throw at each attempt.
  const protocols = [DECOY_SUBPROTOCOL, SUBPROTOCOL].concat(given.protocols ?? []);
  collect({}, "queryParameter", given.token?.queryParameter ?? "token", "string");
  if (WebSocket === undefined) throw invalid("WebSocket is required");
  if (!protocols.every((name, index) => isSubprotocol(name, index, protocols)))
    throw invalid("protocols must be valid, unique names");
  return {
    minMs: 250,
    maxMs: 30_000,
    maxMessages: 256,
    maxBytes: 1_048_576,
    silenceMs: 45_000,
    attempts: 5,
    renewalParameter: "renewal",
    ...given,
    WebSocket,
    protocols,
  };
}

/** Cuts a text at the query of an address. The query may contain a secret, such as the token. */
export function withoutQuery(text: string): string {
  return text.replace(/[?#].*/s, "");
}

/** A subprotocol name is a token of RFC 9110. */
function isSubprotocol(name: unknown, index: number, all: readonly unknown[]): boolean {
  return typeof name === "string" && /^[!#-'*+\-.\w^`|~]+$/.test(name) && all.indexOf(name) === index;
}

/** The type of a value, the methods of an object, or the members of an object. */
type Kind = string | string[] | Kinds;
interface Kinds {
  readonly [name: string]: Kind;
}

/** Checks `given`, and copies its options, also nested options, to `settings`. A copy has no option that is `undefined`. */
export function collect(settings: object, where: string, given: unknown, kind: Kind): void {
  const type = typeof kind === "string" ? kind : "object";
  if (typeof given !== type || given === null) throw invalid(`${where} must be of type ${type}`);
  if (given === "" || (typeof given === "number" && !(given > 0)))
    throw invalid(`${where} must ${given === "" ? "not be empty" : "be above 0"}`);
  if (typeof kind === "string") return;
  if (Array.isArray(kind)) {
    for (const name of kind) collect({}, `${where}.${name}`, Reflect.get(Object(given), name), "function");
    return;
  }
  for (const [name, value] of Object.entries(Object(given))) {
    const expected = kind[name];
    if (expected === undefined) throw invalid(`${where}.${name} is unknown`);
    if (value === undefined) continue;
    collect(settings, name, value, expected);
    Object.assign(settings, { [name]: value });
  }
}

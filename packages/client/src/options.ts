import { clientError } from "./client-error.ts";
import type { ClientOptions, KeyValueStorage, TokenStorage, WebSocketClass } from "./contract.ts";
import { platformWebSocket } from "./environment.ts";

/** The options with their defaults. */
export interface Settings {
  readonly WebSocket: WebSocketClass;
  readonly protocols: readonly string[];
  readonly token: TokenStorage | undefined;
  readonly storage: KeyValueStorage | undefined;
  readonly minMs: number;
  readonly maxMs: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly carryOver: boolean;
  readonly silenceMs: number;
  readonly attempts: number;
  readonly renewalParameter: string;
}

type Kinds = Readonly<Record<string, "boolean" | "function" | "number" | "object" | "string">>;

const OPTIONS: Kinds = {
  protocols: "object",
  WebSocket: "function",
  token: "object",
  storage: "object",
  backoff: "object",
  queue: "object",
  carryOver: "boolean",
  silenceMs: "number",
  attempts: "number",
  renewalParameter: "string",
};

/** Throws INVALID_ARGUMENT by name. */
export function resolveOptions(options: ClientOptions): Settings {
  check("connect", options, OPTIONS);
  const {
    protocols = [],
    WebSocket = platformWebSocket(),
    token,
    storage,
    backoff = {},
    queue = {},
  } = options;
  check("backoff", backoff, { minMs: "number", maxMs: "number" });
  check("queue", queue, { maxMessages: "number", maxBytes: "number" });
  if (WebSocket === undefined)
    throw clientError("INVALID_ARGUMENT", "this platform needs the option WebSocket");
  if (!Array.isArray(protocols) || !protocols.every(isSubprotocol))
    throw clientError("INVALID_ARGUMENT", "protocols is a list of names of subprotocols, each once");
  checkMethods("token", token, ["read", "write"]);
  checkMethods("storage", storage, ["getItem", "setItem", "removeItem"]);
  const { minMs = 250, maxMs = 30_000 } = backoff;
  const { maxMessages = 256, maxBytes = 1_048_576 } = queue;
  const { carryOver = false, silenceMs = 45_000, attempts = 5, renewalParameter = "renewal" } = options;
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

/** A WebSocket class throws for a name of other characters, or a second one of the same name, at each attempt. */
function isSubprotocol(name: unknown, index: number, all: readonly unknown[]): boolean {
  return (
    typeof name === "string" && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name) && all.indexOf(name) === index
  );
}

/** Numbers are above 0. */
function check(where: string, given: object, kinds: Kinds): void {
  if (typeof given !== "object" || given === null)
    throw clientError("INVALID_ARGUMENT", `${where} takes an object with options`);
  for (const [name, value] of Object.entries(given)) {
    const kind = kinds[name];
    if (kind === undefined) throw clientError("INVALID_ARGUMENT", `${where}: there is no option ${name}`);
    const isRight = typeof value === kind && value !== null && (kind !== "number" || value > 0);
    if (value !== undefined && !isRight)
      throw clientError(
        "INVALID_ARGUMENT",
        `${where}: ${name} is a ${kind === "number" ? "number above 0" : kind}`,
      );
  }
}

function checkMethods<Names extends string>(
  where: string,
  given: { readonly [Name in Names]: unknown } | undefined,
  names: readonly Names[],
): void {
  if (given !== undefined && names.some((name) => typeof given[name] !== "function"))
    throw clientError("INVALID_ARGUMENT", `${where} has the methods ${names.join(", ")}`);
}

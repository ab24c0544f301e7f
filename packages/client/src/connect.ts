import type { Awaitable } from "@wsession/protocol";
import { clientError } from "./client-error.ts";
import type { Address, Client, ClientOptions } from "./contract.ts";
import { Engine } from "./engine.ts";
import { resolveOptions } from "./options.ts";

/**
 * Connects to a server of wsession, and stays connected until `close()`. With a server that does not speak v1.wsession it is a
 * plain WebSocket that comes back: `sendNow` and "message" work, and `send` rejects with NOT_SUPPORTED.
 *
 * @param url asked for before each attempt, where it is a function
 * @throws ClientError INVALID_ARGUMENT for a bad option or address. Nothing throws later.
 * @example
 * ```ts
 * const client = connect("wss://app.example.com/live");
 * client.on("message", ({ data }) => show(data));
 * await client.send(JSON.stringify({ bid: 40 }));
 * ```
 */
export function connect(url: Address | (() => Awaitable<Address>), options: ClientOptions = {}): Client {
  const settings = resolveOptions(options);
  const engine = new Engine(typeof url === "function" ? url : () => url, keyOf(url), settings);
  return {
    get status() {
      return engine.status;
    },
    get session() {
      return engine.session;
    },
    send: (message) => engine.send(message),
    sendNow: (message) => engine.sendNow(message),
    reconnect: () => engine.reconnect(),
    close: async (code = 1000, reason = "") => {
      if (code !== 1000 && !(code >= 3000 && code < 5000))
        throw clientError("INVALID_ARGUMENT", "a client closes with 1000, or 3000 to 4999");
      await engine.close(code, reason);
    },
    on: (type, listener) => {
      const off = engine.listeners.add(type, listener);
      if (type === "message") engine.heard();
      return off;
    },
  };
}

/** Throws INVALID_ARGUMENT for what is no address. A query may hold a secret, and another one at each load. */
function keyOf(url: unknown): string {
  if (typeof url === "function") return "";
  const href: unknown = typeof url === "object" && url !== null && "href" in url ? url.href : url;
  if (typeof href === "string" && href !== "") return href.replace(/[?#].*/s, "");
  throw clientError("INVALID_ARGUMENT", "connect takes an address, or a function that gives one");
}

import type { Awaitable } from "@wsession/protocol";
import type { Address, Client, ClientOptions } from "./contract.ts";
import { startClient } from "./engine.ts";
import { collect, resolveOptions, withoutQuery } from "./options.ts";

/**
 * Connects to a server of wsession, and reconnects until `close()`. If the server does not support v1.wsession, the client is a plain
 * WebSocket that reconnects: `sendNow` and "message" work, and `send` rejects with NOT_SUPPORTED.
 *
 * @param url the address, or a function that is called before each attempt and returns the address
 * @throws ClientError INVALID_ARGUMENT for an invalid option or address. Later failures are reported as events.
 * @example
 * ```ts
 * const client = connect("wss://app.example.com/live");
 * client.on("message", ({ data }) => show(data));
 * await client.send(JSON.stringify({ bid: 40 }));
 * ```
 */
export function connect(url: Address | (() => Awaitable<Address>), options: ClientOptions = {}): Client {
  const settings = resolveOptions(options);
  return startClient(typeof url === "function" ? url : () => url, `wsession:${keyOf(url)}`, settings);
}

/** Throws INVALID_ARGUMENT for an invalid address. The error leaves the query out, because the query may hold a secret. */
function keyOf(url: unknown): string {
  if (typeof url === "function") return "";
  const href: unknown = Reflect.get(Object(url), "href") ?? url;
  collect({}, "url", href, "string");
  return withoutQuery(String(href));
}

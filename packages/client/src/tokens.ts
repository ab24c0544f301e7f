import type { KeyValueStorage, TokenStorage } from "./contract.ts";
import { collect } from "./options.ts";

/** The options of `tokenInMemory` and `tokenInStorage`. */
export interface TokenOptions {
  /** The query parameter that carries the token, for `queryToken()` on the server. Absent: a subprotocol, for `protocolToken()`. */
  readonly queryParameter?: string | undefined;
}

/**
 * Keeps the session's token in memory, until the page is closed or reloaded.
 *
 * @throws ClientError INVALID_ARGUMENT for an invalid option
 */
export function tokenInMemory(options: TokenOptions = {}): TokenStorage {
  collect({}, "options", options, { queryParameter: "string" });
  const { queryParameter } = options;
  let token: string | undefined;
  return {
    queryParameter,
    read: () => token,
    write: (value) => {
      token = value;
    },
  };
}

/**
 * Keeps the session's token in `sessionStorage` (a tab), `localStorage` (all tabs of a browser) or another storage. Scripts of
 * the page can read the token there. They can't read an HttpOnly cookie.
 *
 * @param options `key`: the key in the storage; "wsession.token" by default
 * @throws ClientError INVALID_ARGUMENT for an invalid storage or option
 */
export function tokenInStorage(
  storage: KeyValueStorage,
  options: TokenOptions & { readonly key?: string | undefined } = {},
): TokenStorage {
  collect({}, "storage", storage, ["getItem", "setItem", "removeItem"]);
  collect({}, "options", options, { queryParameter: "string", key: "string" });
  const { key = "wsession.token", queryParameter } = options;
  return {
    queryParameter,
    read: async () => (await storage.getItem(key)) ?? undefined,
    write: (token) => (token === undefined ? storage.removeItem(key) : storage.setItem(key, token)),
  };
}

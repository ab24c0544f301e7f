import type { KeyValueStorage, TokenStorage } from "./contract.ts";

export interface TokenOptions {
  /** The query parameter that carries the token, for `queryToken()` on the server. Absent: a subprotocol, for `protocolToken()`. */
  readonly queryParameter?: string | undefined;
}

/** Keeps the session's token in memory, until the page is closed or reloaded. */
export function tokenInMemory({ queryParameter }: TokenOptions = {}): TokenStorage {
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
 */
export function tokenInStorage(
  storage: KeyValueStorage,
  options: TokenOptions & { readonly key?: string | undefined } = {},
): TokenStorage {
  const { key = "wsession.token", queryParameter } = options;
  return {
    queryParameter,
    read: async () => (await storage.getItem(key)) ?? undefined,
    write: (token) => (token === undefined ? storage.removeItem(key) : storage.setItem(key, token)),
  };
}

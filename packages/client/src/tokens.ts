import type { KeyValueStorage, TokenStorage } from "./contract.ts";

export interface TokenOptions {
  /** The query parameter in which the token is offered, for `queryToken()` on the server. Absent: as `protocolToken()` reads it. */
  readonly queryParameter?: string | undefined;
}

/** Keeps the session's token as long as this page is there. */
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
 * Keeps the session's token in `sessionStorage` (a tab), `localStorage` (all tabs of a browser) or another storage. A script of
 * the page can read it there; a cookie that is HttpOnly it can't.
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

/** Servers whose connections and handshakes end for one reason each. */
import { accept, createSessions, isSessionError, mapStore, queryToken, SessionError } from "@wsession/core";
import type { Handlers, Sessions, SessionsOptions, SessionStore } from "@wsession/core";
import { serve } from "../runtimes.ts";
import type { RuntimeName } from "../runtimes.ts";

export type Data = { readonly n: number };
export type Own = Sessions<Data>;
export type OwnHandlers = Handlers<Data>;

export interface Setting {
  readonly sessions: Own;
  readonly port: number;
  readonly errors: string[];
}

/** Without `initial` the type of `session` includes undefined. */
export async function start(
  runtime: RuntimeName,
  options: SessionsOptions<Data> = {},
  handlers: OwnHandlers = {},
): Promise<Setting> {
  const errors: string[] = [];
  const onError = (error: unknown) => void errors.push(isSessionError(error) ? error.code : String(error));
  const sessions = createSessions<Data>({ onError, ...options } as SessionsOptions<Data> & {
    initial: undefined;
  });
  const { port } = await serve(runtime, sessions, handlers);
  return { sessions, port, errors };
}

export const initial = (): Data => ({ n: 0 });
export const fail = (): never => {
  throw new Error("planned");
};
export const asAda: SessionsOptions<Data> = { admit: () => accept({ subject: "ada" }) };
export const resumable = (): SessionsOptions<Data> => ({ store: mapStore(), token: queryToken(), initial });

/** A store that rejects a new session with this code. */
export function failingStore(
  code: "STORE_UNAVAILABLE" | "REVOKED" | "FENCED" | "CORRUPT_RECORD",
): SessionStore {
  const store: SessionStore = mapStore();
  const refuse = async (): Promise<never> => {
    throw new SessionError(code, "planned", { outcome: "not-applied" });
  };
  store.create = refuse;
  store.resume = refuse;
  return store;
}

/** A token of no session. */
export const BAD = `/?token=${"A".repeat(22)}.${"A".repeat(43)}`;

import { isClientError, isTransactionRefused, tokenInMemory } from "@wsession/client";
import { createSessions, isSessionError, protocolToken } from "@wsession/core";
import type { Handlers, SessionsOptions } from "@wsession/core";
import { open } from "../client/clients.ts";
import { serve } from "../runtimes.ts";
import type { RuntimeName } from "../runtimes.ts";
import { newPrefix, openStore } from "../stores.ts";

export interface Data {
  readonly n: number;
  readonly extra?: unknown;
}

export interface Setting extends Pick<SessionsOptions<Data>, "handlerTimeoutMs" | "outbox" | "schema"> {
  readonly runtime: RuntimeName;
  readonly store: "map" | "redis";
  /** The port of Redis. */
  readonly redis: number;
}

/** A server with this handler, and a client that is live. */
export async function start(
  { runtime, store, redis, ...options }: Setting,
  transaction: NonNullable<Handlers<Data>["transaction"]>,
) {
  const prefix = newPrefix();
  const reported: string[] = [];
  const sessions = createSessions<Data>({
    // The lease is renewed by a script: not while a test counts scripts.
    store: openStore(store, redis, store === "redis" ? { prefix, leaseMs: 120_000 } : {}),
    token: protocolToken(),
    initial: () => ({ n: 0 }),
    onError: (error) => reported.push(isSessionError(error) ? error.code : `${error}`),
    ...options,
  });
  const ids: string[] = [];
  const server = await serve(runtime, sessions, {
    open: (connection) => void ids.push(connection.session.id),
    transaction,
  });
  const { client, until: reports } = open(server, { token: tokenInMemory() });
  const received: string[] = [];
  client.on("message", ({ data }) => received.push(`${data}`));
  await reports("status", ({ status }) => status === "live");
  const [id] = ids;
  if (id === undefined) throw new Error("no session");
  const stored = async () => (await sessions.get(id))?.refresh();
  return { client, id, prefix, received, reported, server, sessions, stored };
}

/** The result of a message that was not applied. */
export function codeOf(error: unknown): string {
  return isClientError(error) || isTransactionRefused(error) ? `${error.code} ${error.outcome}` : `${error}`;
}

import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { Connection, Handlers, Sessions, SessionsOptions } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterServer } from "./adapter-harness.ts";
import type { AdapterTrial } from "./adapter-trial.ts";
import type { Client } from "./client.ts";
import { FramedPeer } from "./framed-peer.ts";
import { Journal } from "./waiting.ts";

export type Data = { readonly n: number };
export type Conn = Connection<Data, unknown, never>;
type OwnOptions = Pick<
  SessionsOptions<Data>,
  | "store"
  | "outbox"
  | "gate"
  | "heartbeatMs"
  | "onError"
  | "schema"
  | "handlerTimeoutMs"
  | "maxConcurrentMessages"
  | "admit"
>;

/** Creates sessions that outlive their connections. */
function createLastingSessions(options: OwnOptions = {}): Sessions<Data, unknown, never> {
  return createSessions<Data>({
    store: mapStore(),
    token: queryToken(),
    initial: () => ({ n: 0 }),
    onError: () => undefined,
    ...options,
  });
}

export interface FramedServer {
  readonly sessions: Sessions<Data, unknown, never>;
  readonly server: AdapterServer;
  readonly opened: Journal<Conn>;
  connect(token?: string): Promise<FramedPeer>;
  /** A client that does not use the protocol. */
  connectRaw(token?: string): Promise<Client>;
  /** The session of the first connection. */
  readonly session: () => Conn["session"];
}

/** Starts a server for clients that use `v1.wsession`. */
export async function framedServer(
  trial: AdapterTrial,
  options: OwnOptions = {},
  handlers: Handlers<Data, unknown, never> = {},
): Promise<FramedServer> {
  const sessions = createLastingSessions(options);
  const opened = new Journal<Conn>();
  const server = await trial.serve(sessions, {
    ...handlers,
    open(connection, handshake) {
      opened.note(connection);
      return handlers.open?.(connection, handshake);
    },
  });
  return {
    sessions,
    server,
    opened,
    connect: (token) => FramedPeer.connect(trial, server, { token }),
    connectRaw: (token) => trial.connect(server, token === undefined ? "/" : `/?token=${token}`),
    session: () => opened.entries[0]?.session ?? expect.fail("no connection"),
  };
}

/** Connects a client and attaches it. Resolves after hello, with the client and its token. */
export async function attachedPeer(
  setting: FramedServer,
): Promise<{ readonly peer: FramedPeer; readonly token: string }> {
  const peer = await setting.connect();
  peer.attach();
  const { token } = await peer.until("hello");
  return { peer, token: token ?? expect.fail("no token in hello") };
}

/** Starts a server with the handler `transaction`, and attaches a client. */
export async function transactionServer(
  trial: AdapterTrial,
  handlers: Handlers<Data, unknown, never>,
  options: OwnOptions = {},
): Promise<{ readonly setting: FramedServer; readonly peer: FramedPeer; readonly token: string }> {
  const setting = await framedServer(trial, options, handlers);
  return { setting, ...(await attachedPeer(setting)) };
}

/** Connects a client again whose connection has ended. Its messages have the numbers from `from` on. */
export async function returningPeer(
  setting: FramedServer,
  { peer, token }: { readonly peer: FramedPeer; readonly token: string },
  from: number,
  known?: number,
): Promise<FramedPeer> {
  const again = await setting.connect(token);
  again.comeBack(peer, { client: peer.id, from, ...(known !== undefined && { known }) });
  return again;
}

import type { Handlers, Sessions } from "@wsession/core";
import type { AdapterHarness, AdapterServer } from "./adapter-harness.ts";
import { Client } from "./client.ts";
import type { ClientOptions } from "./client.ts";
import { RawClient } from "./raw-client.ts";
import type { RawResponse, UpgradeOptions } from "./raw-client.ts";
import { checkRun } from "./check-harness.ts";
import type { RunOptions } from "./check-harness.ts";
import { runCase } from "./run-case.ts";

/** One case of the suite for adapters. */
export interface AdapterCase {
  /** A sentence about behaviour that cites the invariant it checks. */
  readonly name: string;
  /** Whether the case applies to this adapter; if absent, to every adapter. */
  readonly applies?: ((harness: AdapterHarness) => boolean) | undefined;
  /** Rejects if the adapter violates the sentence of `name`. */
  readonly run: (trial: AdapterTrial) => Promise<void>;
}

/** The servers and peers of one case. All of them are closed when the case is over. */
export class AdapterTrial {
  /** The adapter under test. */
  readonly harness: AdapterHarness;
  readonly #sessions = new Set<{ close(): Promise<void> }>();
  readonly #servers: AdapterServer[] = [];
  readonly #clients: Client[] = [];
  readonly #raw: RawClient[] = [];

  constructor(harness: AdapterHarness) {
    this.harness = harness;
  }

  /** Starts a server of the adapter with these sessions. Both are closed with the trial. */
  async serve<Data extends object, Transport, Unset extends undefined>(
    sessions: Sessions<Data, Transport, Unset>,
    handlers: Handlers<Data, Transport, Unset>,
  ): Promise<AdapterServer> {
    this.#sessions.add(sessions);
    const server = await this.harness.listen(sessions, handlers);
    this.#servers.push(server);
    return server;
  }

  /** Connects a well-behaved peer. Rejects unless the handshake is answered with 101. */
  async connect(server: AdapterServer, path = "/", options: ClientOptions = {}): Promise<Client> {
    const client = await Client.connect(`ws://127.0.0.1:${server.port}${path}`, options);
    this.#clients.push(client);
    return client;
  }

  /** Opens a TCP connection, without a handshake. */
  raw(server: AdapterServer): RawClient {
    const client = new RawClient(server.port);
    this.#raw.push(client);
    return client;
  }

  /** Opens a raw peer; its handshake must be answered with 101. */
  async rawUpgraded(server: AdapterServer, options: UpgradeOptions = {}): Promise<RawClient> {
    const client = this.raw(server);
    client.upgrade(options);
    const { status } = await client.response;
    if (status !== 101) throw new Error(`the handshake was answered with ${status}`);
    return client;
  }

  /** Returns the whole response to a handshake that must be refused. */
  async refused(server: AdapterServer, options: UpgradeOptions = {}): Promise<RawResponse> {
    const client = this.raw(server);
    client.upgrade(options);
    return client.refusal;
  }

  /** Cuts the peers, then closes the sessions, then the servers. */
  async dispose(): Promise<void> {
    for (const { socket } of this.#clients) socket.terminate();
    for (const raw of this.#raw) raw.destroy();
    await Promise.all([...this.#sessions].map((sessions) => sessions.close()));
    for (const server of this.#servers) await server.close();
  }
}

/**
 * Runs one case. Rejects if the adapter violates it.
 *
 * @throws INVALID_ARGUMENT at once for a wrong argument.
 */
export function runAdapterCase(
  one: AdapterCase,
  harness: AdapterHarness,
  options: RunOptions = {},
): Promise<void> {
  checkRun(one, harness, "listen", options);
  return runCase(one, () => new AdapterTrial(harness), options, 10_000);
}

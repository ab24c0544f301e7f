import { checkRun } from "./check-harness.ts";
import type { RunOptions } from "./check-harness.ts";
import type {
  ClientHarness,
  TestedClient,
  TestedEvents,
  TestedOptions,
  TestedStorage,
} from "./client-harness.ts";
import { runCase } from "./run-case.ts";
import { ScriptedServer } from "./scripted-server.ts";
import type { ScriptedServerOptions } from "./scripted-server.ts";
import { Journal, within } from "./waiting.ts";

/** One case of the suite for clients. */
export interface ClientCase {
  /** A sentence about behaviour, which cites the invariant that it checks. */
  readonly name: string;
  /** Rejects if the client violates the sentence of `name`. */
  readonly run: (trial: ClientTrial) => Promise<void>;
}

type Lists = { readonly [Type in keyof TestedEvents]: TestedEvents[Type][] };

/** A client, with its events in order. */
export interface WatchedClient {
  /** The client under test. */
  readonly client: TestedClient;
  /** The types of its events, in order. */
  readonly journal: Journal<keyof TestedEvents>;
  /** The events of this type so far, in order. */
  of<Type extends keyof TestedEvents>(type: Type): TestedEvents[Type][];
  /** Resolves with the first event of this type that satisfies `wanted`. */
  until<Type extends keyof TestedEvents>(
    type: Type,
    wanted?: (event: TestedEvents[Type]) => boolean,
  ): Promise<TestedEvents[Type]>;
}

/** The scripted servers and clients of one case. All of them are closed when the case is over. */
export class ClientTrial {
  readonly #harness: ClientHarness;
  readonly #servers: ScriptedServer[] = [];
  readonly #clients: TestedClient[] = [];

  constructor(harness: ClientHarness) {
    this.#harness = harness;
  }

  /** Starts a scripted server, which is closed with the trial. */
  async listen(options?: ScriptedServerOptions): Promise<ScriptedServer> {
    const server = await ScriptedServer.listen(options);
    this.#servers.push(server);
    return server;
  }

  /** With `isDeaf` the client has no listener for messages. */
  connect(
    server: ScriptedServer,
    options: Partial<TestedOptions> & { readonly isDeaf?: boolean } = {},
  ): WatchedClient {
    const { isDeaf = false, ...rest } = options;
    const client = this.#harness.connect(server.url, { backoff: { minMs: 5, maxMs: 20 }, ...rest });
    this.#clients.push(client);
    return watch(client, isDeaf);
  }

  /** Closes the clients, then the servers. */
  async dispose(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    for (const server of this.#servers) await server.close();
  }
}

/** Keeps the events of a client from now on. `isDeaf`: without a listener for messages. */
export function watch(client: TestedClient, isDeaf = false): WatchedClient {
  const journal = new Journal<keyof TestedEvents>();
  const lists: Lists = {
    message: [],
    status: [],
    session: [],
    missed: [],
    rolledBack: [],
    leftover: [],
    closed: [],
  };
  const listen = (type: keyof TestedEvents) => {
    if (type !== "message" || !isDeaf) client.on(type, (event) => keep(type, event));
  };
  const keep = <Type extends keyof TestedEvents>(type: Type, event: TestedEvents[Type]) => {
    lists[type].push(event);
    journal.note(type);
  };
  listen("message");
  listen("status");
  listen("session");
  listen("missed");
  listen("rolledBack");
  listen("leftover");
  listen("closed");
  return {
    client,
    journal,
    of: (type) => lists[type].slice(),
    async until(type, wanted = () => true) {
      await journal.until(() => lists[type].some(wanted));
      const found = lists[type].find(wanted);
      if (found === undefined) throw new Error("unreachable: the event has arrived");
      return found;
    },
  };
}

/** How a promise of `send` ended: "applied", or the error's code and outcome. */
export async function outcomeOf(sent: Promise<void>): Promise<string> {
  try {
    await within(10_000, "send()", sent);
    return "applied";
  } catch (error) {
    return shortOf(error);
  }
}

/** The code and outcome of the error with which `send` rejected. */
export function shortOf(error: unknown): string {
  if (error instanceof Error && "code" in error && "outcome" in error)
    return `${String(error.code)} ${String(error.outcome)}`;
  throw new Error(`a rejection must have a code and an outcome: ${String(error)}`, { cause: error });
}

/** A replacement of `sessionStorage`. `copy` returns the storage of a duplicated tab. */
export class TabStorage implements TestedStorage {
  /** All keys with their values, for the case to read and to change. */
  readonly values: Map<string, string>;

  constructor(values: Iterable<readonly [string, string]> = []) {
    this.values = new Map(values);
  }

  /** A storage with the same values that does not share later changes. */
  copy(): TabStorage {
    return new TabStorage(this.values);
  }

  /** As `sessionStorage.getItem`. */
  getItem(key: string): string | null {
    return this.values.get(key) ?? null;
  }

  /** As `sessionStorage.setItem`. */
  setItem(key: string, value: string): void {
    this.values.set(key, value);
  }

  /** As `sessionStorage.removeItem`. */
  removeItem(key: string): void {
    this.values.delete(key);
  }
}

/**
 * Runs one case. Rejects if the client violates it.
 *
 * @throws INVALID_ARGUMENT at once for a wrong argument.
 */
export function runClientCase(
  one: ClientCase,
  harness: ClientHarness,
  options: RunOptions = {},
): Promise<void> {
  checkRun(one, harness, "connect", options);
  return runCase(one, () => new ClientTrial(harness), options, 15_000);
}

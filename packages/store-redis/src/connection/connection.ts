import { reasonOf } from "../base/failures.ts";
import { retryPause } from "../base/retry-pause.ts";
import type { Driver, Listener, ListenerEvents, OwnClient } from "../drivers/driver.ts";

/** The time limit for establishing a connection, unless `timeoutMs` is longer. */
const HANDSHAKE_MS = 1_000;

export interface ConnectionEvents {
  /** Connected and authenticated. The role of the server is not checked yet. */
  readonly ready: () => void;
  /** Calls in flight are lost, and another server may answer from now on. */
  readonly lost: () => void;
  /** The connection failed for this reason. */
  readonly failed: (reason: Error) => void;
  /** The application's client or the store was closed. */
  readonly ended: () => void;
  /** A server sent data or became writable; `server`: its name. */
  readonly arrived: (server: string) => void;
  /** The slots or nodes of a Cluster have changed. */
  readonly slotsChanged: () => void;
}

/** Callbacks for other parts that depend on the connection. */
export interface ConnectionFollower {
  /** The application's client or the store was closed. */
  readonly ended?: () => void;
  /** The application's client was connected again. */
  readonly resumed?: () => void;
  /** The connection was replaced, perhaps by one to a server that has lost data. */
  readonly renewed?: () => void;
}

/**
 * The store's own client for commands, with the application's options. The store may close a connection of this client that hangs, but
 * never a connection of the application's client. MULTI, SELECT, BLPOP and SUBSCRIBE of the application do not affect this client.
 * `disconnect()` or `quit()` of the application's client closes this client too, and `connect()` there reconnects it.
 */
export class Connection {
  readonly handshakeMs: number;
  readonly #driver: Driver;
  readonly #stopFollowing: () => void;
  #client: OwnClient;
  #events: ConnectionEvents | undefined;
  readonly #followers = new Set<ConnectionFollower>();
  /** Failed connections since the last successful one. */
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #isApplicationClientEnded: boolean;
  #isClosed = false;

  constructor(driver: Driver, timeoutMs: number) {
    this.#driver = driver;
    this.handshakeMs = Math.max(timeoutMs, HANDSHAKE_MS);
    this.#isApplicationClientEnded = driver.isEnded;
    this.#client = this.#createClient();
    this.#stopFollowing = driver.follow({
      ended: () => {
        this.#isApplicationClientEnded = true;
        this.#end();
      },
      connecting: () => this.#resume(),
    });
  }

  listen(events: ConnectionEvents): void {
    this.#events = events;
  }

  follow(follower: ConnectionFollower): void {
    this.#followers.add(follower);
  }

  get isCluster(): boolean {
    return this.#driver.isCluster;
  }

  /** The store's own client. It is replaced after it has ended. */
  get client(): OwnClient {
    return this.#client;
  }

  get isEnded(): boolean {
    return this.#isClosed || this.#isApplicationClientEnded;
  }

  get isReady(): boolean {
    return this.#client.isReady && !this.isEnded;
  }

  /** Starts connecting, unless that has begun. */
  connect(): void {
    if (!this.isEnded) this.#client.connect();
  }

  /** Resets the backoff, because the server is usable. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** Searches for the primary again: by reconnecting (DNS or Sentinel), or from the slot table of a Cluster. */
  restart(): void {
    this.#client.restart();
  }

  /** Reads the slot table of a Cluster again. */
  refresh(): void {
    this.#client.refresh();
  }

  /**
   * Creates a connection for subscriptions without connecting it: on a Cluster to the node `at`, or else to any
   * known node. `undefined` if that node, or every node, is unknown.
   */
  createListener(events: ListenerEvents, at?: string): Listener | undefined {
    return this.#client.createListener(events, at);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopFollowing();
    this.#end();
  }

  #resume(): void {
    if (!this.#isApplicationClientEnded) return;
    this.#isApplicationClientEnded = false;
    this.#client = this.#createClient();
    for (const { resumed } of this.#followers) resumed?.();
  }

  #end(): void {
    clearTimeout(this.#retry);
    this.#client.disconnect();
    this.#events?.ended();
    for (const { ended } of this.#followers) ended?.();
  }

  #createClient(): OwnClient {
    const isCurrent = (): boolean => this.#client === own;
    const settings = {
      handshakeMs: this.handshakeMs,
      countFailure: () => (this.#failures += 1),
    };
    const own = this.#driver.createClient(settings, {
      ready: () => {
        if (!isCurrent()) return;
        this.#events?.ready();
        this.#renewed();
      },
      lost: () => {
        if (isCurrent()) this.#events?.lost();
      },
      ended: () => {
        if (isCurrent() && !this.isEnded) this.#createClientLater();
      },
      failed: (reason) => {
        if (isCurrent()) this.#events?.failed(reasonOf(reason));
      },
      arrived: (server) => this.#events?.arrived(server),
      slotsChanged: () => this.#events?.slotsChanged(),
      nodeAdded: () => this.#renewed(),
    });
    return own;
  }

  #renewed(): void {
    for (const { renewed } of this.#followers) renewed?.();
  }

  /** Creates the client again after it gave up, as that of ioredis does when no Sentinel answers. */
  #createClientLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(
      () => {
        this.#client = this.#createClient();
        this.connect();
      },
      retryPause((this.#failures += 1)),
    );
    this.#retry.unref();
  }
}

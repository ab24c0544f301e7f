import type {
  Listener,
  ListenerEvents,
  OwnClient,
  OwnClientEvents,
  OwnClientSettings,
  Server,
  Slots,
} from "../driver.ts";
import { Link } from "./link.ts";
import { createListener } from "./listener.ts";
import { NodeRedisCommand } from "./sent-command.ts";
import type { ServerRedis } from "./shapes.ts";

/** The store's own client of one server. */
export class ServerClient implements OwnClient {
  readonly isCluster: boolean = false;
  readonly slots: Slots = [];
  readonly servers: readonly Server[];
  readonly #link: Link;
  readonly #make: () => Promise<ServerRedis>;
  readonly #handshakeMs: number;
  readonly #primary: (() => string | undefined) | undefined;
  /** The primary of the present connection. */
  #used: string | undefined;

  /** `primary` names the primary that the application's client has found by Sentinel. `make` creates a client of the server for one connection, without connecting it. */
  constructor(
    make: () => Promise<ServerRedis>,
    given: ServerRedis | undefined,
    settings: OwnClientSettings,
    events: OwnClientEvents,
    primary?: () => string | undefined,
  ) {
    this.#make = make;
    this.#primary = primary;
    this.#handshakeMs = settings.handshakeMs;
    const { ready, lost, failed, arrived } = events;
    const makeForCommands = (): Promise<ServerRedis> => {
      this.#used = primary?.();
      return make();
    };
    this.#link = new Link("", makeForCommands, given, settings, {
      ready,
      lost,
      failed,
      arrived: () => arrived(""),
    });
    this.servers = [this.#link];
  }

  get isReady(): boolean {
    return this.#link.isReady;
  }

  serverOf(): Server {
    return this.#link;
  }

  connect(): void {
    void this.#link.connect();
  }

  disconnect(): void {
    this.#link.close();
  }

  restart(): void {
    if (this.#link.isReady) this.#link.cut();
  }

  checkPrimary(): void {
    const primary = this.#primary?.();
    if (primary !== undefined && primary !== this.#used) this.restart();
  }

  /** There is no slot table. */
  refresh(): void {}

  createCommand(name: string, args: string[]): NodeRedisCommand {
    return new NodeRedisCommand(name, args);
  }

  targetOf(): Server {
    return this.#link;
  }

  createListener(events: ListenerEvents): Listener {
    return createListener(this.#make, this.#handshakeMs, events);
  }
}

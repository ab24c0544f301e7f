import type { Redis } from "ioredis";
import { reasonOf } from "../../base/failures.ts";
import { retryPause } from "../../base/retry-pause.ts";
import type {
  Listener,
  ListenerEvents,
  OwnClient,
  OwnClientEvents,
  OwnClientSettings,
  Server,
  Slots,
} from "../driver.ts";
import { Batch } from "./batch.ts";
import { onReady, watchConnection, watchSilence } from "./connections.ts";
import { createListener } from "./listener.ts";
import { credentialsOf, ownOptions, retryPauseOf } from "./own-options.ts";
import { SentinelWatch } from "./sentinel-watch.ts";
import { commandClassOf, type CommandClass, type IoredisCommand } from "./sent-command.ts";

/** The store's own client of one server, which Sentinel may name. */
export class ServerClient implements OwnClient, Server {
  readonly isCluster: boolean = false;
  readonly name: string = "";
  /** A client that is not connected rejects a command at once. */
  readonly accepts: boolean = true;
  readonly servers: readonly Server[] = [this];
  readonly slots: Slots = [];
  readonly redis: Redis;
  readonly #given: Redis;
  readonly #handshakeMs: number;
  readonly #batch: Batch;
  readonly #Command: CommandClass;
  readonly #sentinels: SentinelWatch | undefined;

  constructor(given: Redis, { handshakeMs, countFailure }: OwnClientSettings, events: OwnClientEvents) {
    this.#given = given;
    this.#handshakeMs = handshakeMs;
    // The application may change its credentials at run time, on its own client.
    const renewCredentials = (): unknown => Object.assign(own.options, credentialsOf(given.options));
    const own: Redis = given.duplicate({
      ...ownOptions(given.options, handshakeMs),
      enableOfflineQueue: false,
      readOnly: false,
      retryStrategy: () => {
        renewCredentials();
        return retryPauseOf(countFailure(), given.options.retryStrategy);
      },
      sentinelRetryStrategy: (times: number) => {
        renewCredentials();
        return retryPause(times);
      },
    });
    this.redis = own;
    this.#batch = new Batch(own);
    this.#Command = commandClassOf(own);
    this.#sentinels = SentinelWatch.of(own);
    watchConnection(own, "", handshakeMs, events);
    // Without an error listener ioredis would write the error to the console.
    own.on("error", (error: unknown) => events.failed(reasonOf(error)));
    onReady(own, events.ready);
    own.on("close", events.lost);
    own.on("end", events.ended);
  }

  get isReady(): boolean {
    return this.redis.status === "ready";
  }

  get unanswered(): number {
    return this.redis.commandQueue.length + this.#batch.size;
  }

  serverOf(): Server {
    return this;
  }

  connect(): void {
    if (this.redis.status === "wait") this.redis.connect().catch(() => undefined);
  }

  disconnect(): void {
    this.redis.disconnect();
  }

  restart(): void {
    if (this.redis.status === "ready") this.redis.stream.destroy();
  }

  checkPrimary(): void {
    void this.#sentinels?.hasMoved().then((hasMoved) => {
      if (hasMoved) this.restart();
    });
  }

  /** There is no slot table. */
  refresh(): void {}

  createCommand(name: string, args: string[]): IoredisCommand {
    return new this.#Command(name, args);
  }

  targetOf(): Server {
    return this;
  }

  send(command: IoredisCommand): void {
    this.#batch.add(command);
  }

  probe(command: IoredisCommand): void {
    this.redis.sendCommand(command);
  }

  watchSilence(): () => void {
    return watchSilence(this.redis);
  }

  createListener(events: ListenerEvents): Listener {
    return createListener(this.#given, this.#given.options, this.#handshakeMs, events);
  }
}

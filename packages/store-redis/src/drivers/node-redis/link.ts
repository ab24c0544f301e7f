/** The connection to one server. */
import { PatientTimer } from "../../base/patient-timer.ts";
import { reasonOf } from "../../base/failures.ts";
import { retryPause } from "../../base/retry-pause.ts";
import type { OwnClientSettings, Server } from "../driver.ts";
import { destroyClient, givenPause } from "./own-options.ts";
import type { NodeRedisCommand } from "./sent-command.ts";
import type { ServerRedis } from "./shapes.ts";

export interface LinkEvents {
  readonly ready: () => void;
  readonly lost: () => void;
  readonly failed: (reason: Error) => void;
  /** A reply arrived, or the connection became writable. */
  readonly arrived: () => void;
  /** Redis replied with an error. Returns whether the command was sent to another node of the Cluster. */
  readonly redirected?: (command: NodeRedisCommand, message: string) => boolean;
}

/**
 * The connection for commands to one server. Each attempt to connect makes a client of its own, which is thrown
 * away with its connection. So no client of node-redis ever has commands of an earlier connection.
 */
export class Link implements Server {
  readonly name: string;
  readonly #make: () => Promise<ServerRedis>;
  readonly #given: ServerRedis | undefined;
  readonly #settings: OwnClientSettings;
  readonly #events: LinkEvents;
  #client: ServerRedis | undefined;
  #isReady = false;
  #isStarted = false;
  #isClosed = false;
  #unanswered = 0;
  /** The replies on the current connection. node-redis does not show its socket. */
  #replies = 0;
  #isArrivalDue = false;
  #retry: NodeJS.Timeout | undefined;

  /**
   * `make` creates a client that is not connected. `given` is the application's client if it has a delay of its own between
   * attempts.
   */
  constructor(
    name: string,
    make: () => Promise<ServerRedis>,
    given: ServerRedis | undefined,
    settings: OwnClientSettings,
    events: LinkEvents,
  ) {
    this.name = name;
    this.#make = make;
    this.#given = given;
    this.#settings = settings;
    this.#events = events;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** On a Cluster, a command waits for the connection to its server. */
  get accepts(): boolean {
    return this.#isReady || this.name === "";
  }

  get unanswered(): number {
    return this.#unanswered;
  }

  /** Starts connecting, unless that has begun. Resolves after the first attempt. */
  async connect(): Promise<void> {
    if (this.#isStarted || this.#isClosed) return;
    this.#isStarted = true;
    await this.#connect();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.cut();
  }

  /** Closes the connection at once; another one is made. */
  cut(): void {
    if (this.#client !== undefined) this.#onLost(this.#client, new Error("the connection was closed"));
  }

  /** Sends a command that another node of the Cluster redirected here while its slot is migrating. */
  sendAsking(command: NodeRedisCommand): void {
    const client = this.#client;
    // Both commands are queued in one turn, so no other comes between them.
    if (client !== undefined && this.#isReady) client.sendCommand(["ASKING"]).catch(() => undefined);
    this.send(command);
  }

  send(command: NodeRedisCommand): void {
    const client = this.#client;
    if (client === undefined || !this.#isReady || command.isSettled)
      return command.reject(new Error("the connection is not ready"));
    this.#unanswered += 1;
    command
      .sendBy(() => client.sendCommand(command.words, { abortSignal: command }), this)
      .then(
        (reply) => {
          if (this.#client === client) this.#onReply();
          command.resolve(reply);
        },
        (error: unknown) => {
          // While the connection is open, the rejection is an error reply. Otherwise the reply was lost.
          const isReply = this.#client === client && client.isReady;
          if (this.#client === client) this.#onReply();
          if (isReply && this.#events.redirected?.(command, reasonOf(error).message) === true) return;
          command.reject(isReply ? replyError(error) : reasonOf(error));
        },
      );
  }

  probe(command: NodeRedisCommand): void {
    this.send(command);
  }

  watchSilence(): () => void {
    const client = this.#client;
    const before = this.#replies;
    return () => {
      if (client !== undefined && this.#client === client && this.#replies === before) this.cut();
    };
  }

  async #connect(): Promise<void> {
    let client: ServerRedis | undefined;
    try {
      const made = await this.#make();
      client = made;
      if (this.#isClosed) return;
      this.#client = made;
      limitHandshake(made, this.#settings.handshakeMs);
      made.on("error", (error) => {
        this.#events.failed(reasonOf(error));
        if (!made.isReady) this.#onLost(made, error);
      });
      made.on("end", () => this.#onLost(made, new Error("the connection was closed")));
      await made.connect();
      if (this.#client === made && made.isReady) this.#onReady();
      else destroyClient(made);
    } catch (error) {
      this.#events.failed(reasonOf(error));
      if (client === undefined) this.#connectLater();
      else this.#onLost(client, error);
    }
  }

  #onReady(): void {
    this.#isReady = true;
    this.#events.ready();
    this.#events.arrived();
  }

  #onLost(client: ServerRedis, error: unknown): void {
    if (this.#client !== client) return;
    const wasReady = this.#isReady;
    this.#client = undefined;
    this.#isReady = false;
    this.#unanswered = 0;
    this.#replies = 0;
    destroyClient(client);
    if (wasReady) {
      this.#events.failed(reasonOf(error));
      this.#events.lost();
    }
    this.#connectLater();
  }

  #connectLater(): void {
    if (this.#isClosed) return;
    const times = this.#settings.countFailure();
    const pause = retryPause(times);
    const given = this.#given && givenPause(this.#given, times);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(
      () => void this.#connect(),
      given === undefined ? pause : Math.min(given, pause),
    );
    this.#retry.unref();
  }

  /** The replies of one read share one event. */
  #onReply(): void {
    this.#unanswered -= 1;
    this.#replies += 1;
    if (this.#isArrivalDue) return;
    this.#isArrivalDue = true;
    process.nextTick(() => {
      this.#isArrivalDue = false;
      this.#events.arrived();
    });
  }
}

/**
 * Closes a connection whose handshake gets no reply. A server that hangs still accepts connections, and
 * node-redis would wait for ever.
 */
export function limitHandshake(client: ServerRedis, ms: number): void {
  let timer: PatientTimer | undefined;
  const stop = (): void => timer?.stop();
  client.on("connect", () => {
    timer = new PatientTimer(ms, () => {
      if (!client.isReady) destroyClient(client);
    }).unref();
  });
  client.on("ready", stop);
  client.on("end", stop);
}

/** An error reply as the interface promises it. */
function replyError(error: unknown): Error {
  const reply = reasonOf(error);
  reply.name = "ReplyError";
  return reply;
}

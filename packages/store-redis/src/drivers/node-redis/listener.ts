import { assertPong, type Listener, type ListenerEvents } from "../driver.ts";
import { limitHandshake } from "./link.ts";
import { destroyClient } from "./own-options.ts";
import type { ServerRedis } from "./shapes.ts";

/** `make` creates a client that is not connected. */
export function createListener(
  make: () => Promise<ServerRedis>,
  handshakeMs: number,
  events: ListenerEvents,
): Listener {
  return new NodeRedisListener(make, handshakeMs, events);
}

class NodeRedisListener implements Listener {
  readonly #make: () => Promise<ServerRedis>;
  readonly #handshakeMs: number;
  readonly #events: ListenerEvents;
  #client: ServerRedis | undefined;
  #connecting: Promise<ServerRedis> | undefined;
  #hasEnded = false;

  constructor(make: () => Promise<ServerRedis>, handshakeMs: number, events: ListenerEvents) {
    this.#make = make;
    this.#handshakeMs = handshakeMs;
    this.#events = events;
  }

  get isReady(): boolean {
    return this.#client?.isReady === true && !this.#hasEnded;
  }

  connect(): Promise<ServerRedis> {
    this.#connecting ??= this.#connect();
    return this.#connecting;
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    const client = await this.connect();
    await client.subscribe([...channels], this.#events.message);
  }

  async subscribeSharded(channel: string): Promise<void> {
    const client = await this.connect();
    await client.sSubscribe(channel, this.#events.message);
  }

  async unsubscribeSharded(channel: string): Promise<void> {
    const client = await this.connect();
    await client.sUnsubscribe(channel);
  }

  async ping(): Promise<void> {
    const client = await this.connect();
    await client.sendCommand(["PING"]);
  }

  cut(): void {
    if (this.#client !== undefined) destroyClient(this.#client);
    this.#end();
  }

  async #connect(): Promise<ServerRedis> {
    try {
      const client = await this.#make();
      if (this.#hasEnded) throw new Error("the connection was closed");
      this.#client = client;
      limitHandshake(client, this.#handshakeMs);
      client.on("error", (error) => {
        this.#events.failed(error);
        if (!client.isReady) this.cut();
      });
      client.on("end", () => this.#end());
      await client.connect();
      if (this.#hasEnded) {
        destroyClient(client);
        throw new Error("the connection was closed");
      }
      assertPong(await client.sendCommand(["PING"]));
      return client;
    } catch (error) {
      this.cut();
      throw error;
    }
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    queueMicrotask(this.#events.ended);
  }
}

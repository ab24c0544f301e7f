import type { Redis, RedisOptions } from "ioredis";
import { assertPong, type Listener, type ListenerEvents } from "../driver.ts";
import { limitHandshake } from "./connections.ts";
import { ownOptions } from "./own-options.ts";

/** A connection to the server of the client `from`. `given`: the options of the application's client. */
export function createListener(
  from: Redis,
  given: RedisOptions,
  handshakeMs: number,
  events: ListenerEvents,
): Listener {
  const redis = from.duplicate({
    ...ownOptions(given, handshakeMs),
    enableOfflineQueue: true,
    readOnly: false,
    retryStrategy: null,
    // The next listener has the credentials that the application has then.
    sentinelRetryStrategy: () => null,
  });
  limitHandshake(redis, handshakeMs);
  redis.on("error", events.failed);
  redis.on("message", (channel, text) => events.message(text, channel));
  redis.on("smessage", (channel, text) => events.message(text, channel));
  redis.once("end", events.ended);
  let connecting: Promise<void> | undefined;
  const connect = (): Promise<void> =>
    (connecting ??= redis
      .connect()
      .then(() => redis.ping())
      .then(assertPong));
  return {
    get isReady() {
      return redis.status === "ready";
    },
    connect,
    subscribe: (channels) => redis.subscribe(...channels),
    subscribeSharded: (channel) => connect().then(() => redis.ssubscribe(channel)),
    unsubscribeSharded: (channel) => redis.sunsubscribe(channel),
    ping: () => redis.ping(),
    cut: () => {
      if (redis.status === "ready" || redis.status === "connect") redis.stream.destroy();
      else redis.disconnect();
    },
  };
}

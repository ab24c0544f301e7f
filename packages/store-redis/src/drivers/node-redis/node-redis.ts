import { invalidArgument } from "@wsession/core/runtime";
import type { Driver } from "../driver.ts";
import { ownClient } from "./own-options.ts";
import { ServerClient } from "./server-client.ts";
import type { ServerRedis } from "./shapes.ts";

/**
 * The driver for a client of one server, of node-redis 5 or newer. The client need not be connected.
 *
 * @throws INVALID_ARGUMENT for a client with options that the store cannot use.
 */
export function nodeRedisDriver(given: ServerRedis): Driver {
  if (given.options?.readonly === true)
    throw invalidArgument(
      "redisStore: the client is readonly, and a replica may not have an acknowledged change yet",
    );
  const { keyPrefix } = given.options ?? {};
  return {
    isCluster: false,
    keyPrefix: typeof keyPrefix === "string" ? keyPrefix : "",
    // A client that was closed looks like one that was never connected.
    isEnded: false,
    createClient: (settings, events) =>
      new ServerClient(async () => ownClient(given, settings.handshakeMs), given, settings, events),
    follow: ({ ended, connecting }) => {
      // The client gives up if its reconnectStrategy says so.
      const onError = (): void => {
        if (!given.isOpen) ended();
      };
      given.on("end", ended);
      given.on("error", onError);
      given.on("connect", connecting);
      return () => {
        given.off("end", ended);
        given.off("error", onError);
        given.off("connect", connecting);
      };
    },
  };
}

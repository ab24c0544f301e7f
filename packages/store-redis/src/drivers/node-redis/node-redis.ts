import { invalidArgument } from "@wsession/core/runtime";
import type { Driver } from "../driver.ts";
import { ClusterClient } from "./cluster-client.ts";
import { ownClient } from "./own-options.ts";
import { ServerClient } from "./server-client.ts";
import type { ClusterRedis, SentinelRedis, ServerRedis } from "./shapes.ts";

/** How often it is checked whether the application closed a client that has no event for it. */
const CLOSED_CHECK_MS = 250;

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
  return {
    isCluster: false,
    keyPrefix: text(given.options?.keyPrefix),
    database: () => given.options?.database ?? 0,
    // A closed client can't be distinguished from a client that was never connected.
    isEnded: false,
    createClient: (settings, events) =>
      new ServerClient(async () => ownClient(given, settings.handshakeMs), given, settings, events),
    follow: ({ ended, connecting }) => {
      // The client stops reconnecting if its reconnectStrategy returns false or an error.
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

/**
 * The driver for a client of Sentinel. The store connects to the primary that the client has found. A connection to
 * it is possible only once the client is connected, because before that node-redis shows no client of a server.
 */
export function sentinelDriver(given: SentinelRedis): Driver {
  let template: ServerRedis | undefined;
  return {
    isCluster: false,
    keyPrefix: text(Reflect.get(given, "_keyPrefix")),
    database: () => template?.options?.database ?? 0,
    isEnded: false,
    createClient: (settings, events) => {
      const make = async (): Promise<ServerRedis> => {
        if (!given.isReady) throw new Error("the Sentinel client is not connected: call its connect()");
        if (template === undefined)
          // The only way to get a client of a server, from which further clients can be created.
          // oxlint-disable-next-line no-underscore-dangle
          await given._execute(false, async (client) => {
            template = client;
          });
        const master = given.getMasterNode();
        if (template === undefined || master === undefined) throw new Error("Sentinel has found no primary");
        const { host, port } = master;
        return ownClient(template, settings.handshakeMs, { host, port });
      };
      const primary = (): string | undefined => {
        const { host, port } = given.getMasterNode() ?? {};
        return host === undefined ? undefined : `${host}:${port}`;
      };
      return new ServerClient(make, undefined, settings, events, primary);
    },
    follow: (events) => pollClosed(given, events),
  };
}

/** The driver for a client of a Cluster. The client need not be connected. */
export function clusterDriver(given: ClusterRedis): Driver {
  return {
    isCluster: true,
    keyPrefix: text(Reflect.get(given, "_keyPrefix")),
    database: () => 0,
    isEnded: false,
    createClient: (settings, events) => new ClusterClient(given, settings, events),
    follow: (events) => pollClosed(given, events),
  };
}

function pollClosed(
  given: { readonly isOpen: boolean },
  { ended, connecting }: Parameters<Driver["follow"]>[0],
): () => void {
  let wasOpen = given.isOpen;
  const timer = setInterval(() => {
    if (given.isOpen === wasOpen) return;
    wasOpen = given.isOpen;
    if (wasOpen) connecting();
    else ended();
  }, CLOSED_CHECK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

import type { Cluster, Redis } from "ioredis";
import { invalidArgument } from "@wsession/core/runtime";
import { hasMethods } from "../../base/has-methods.ts";
import type { Driver, OwnClient, OwnClientEvents, OwnClientSettings } from "../driver.ts";
import { ClusterClient } from "./cluster-client.ts";
import { credentialsOf } from "./own-options.ts";
import { ServerClient } from "./server-client.ts";

/** Checks properties rather than the class, because the application may have any copy of the library. */
export function isIoredis(value: object): value is Redis | Cluster {
  return (
    hasMethods(value, ["sendCommand", "duplicate", "call"]) &&
    "isCluster" in value &&
    typeof value.isCluster === "boolean" &&
    "status" in value &&
    typeof value.status === "string" &&
    "options" in value &&
    typeof value.options === "object" &&
    value.options !== null
  );
}

/**
 * The driver for ioredis 5.3 or newer, and for iovalkey, which has the same classes.
 *
 * @throws INVALID_ARGUMENT for a client with options that the store cannot use.
 */
export function ioredisDriver(given: Redis | Cluster): Driver {
  assertReadsFromPrimaries(given);
  const credentials = isCluster(given) ? credentialsOf(given.options.redisOptions ?? {}) : {};
  return {
    isCluster: isCluster(given),
    keyPrefix: given.options.keyPrefix ?? "",
    database: () => (isCluster(given) ? 0 : (given.options.db ?? 0)),
    isEnded: given.status === "end",
    createClient: (settings: OwnClientSettings, events: OwnClientEvents): OwnClient =>
      isCluster(given)
        ? new ClusterClient(given, credentials, settings, events)
        : new ServerClient(given, settings, events),
    follow: ({ ended, connecting }) => {
      given.on("end", ended);
      given.on("connecting", connecting);
      return () => {
        given.off("end", ended);
        given.off("connecting", connecting);
      };
    },
  };
}

function isCluster(client: Redis | Cluster): client is Cluster {
  return client.isCluster;
}

/**
 * Rejects clients that read from replicas. A replica may lack acknowledged writes (I7), and a session that it
 * lacks would count as gone.
 */
function assertReadsFromPrimaries(client: Redis | Cluster): void {
  const behind = "and a replica may not have an acknowledged change yet";
  if (isCluster(client)) {
    if ((client.options.scaleReads ?? "master") !== "master")
      throw invalid(`the client's scaleReads is not "master", ${behind}`);
    return;
  }
  if ((client.options.role ?? "master") !== "master")
    throw invalid(`the client's role is "slave", ${behind}`);
  if (client.options.readOnly === true) throw invalid(`the client is readOnly, ${behind}`);
  if (client.options.monitor === true) throw invalid("the client is a monitor, which sends no commands");
}

function invalid(message: string): Error {
  return invalidArgument(`redisStore: ${message}`);
}

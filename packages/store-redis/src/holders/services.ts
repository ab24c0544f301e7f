import { Doubts } from "../commands/doubts.ts";
import { Calls } from "../connection/calls.ts";
import { ServerClock } from "../connection/clock.ts";
import { Connection } from "../connection/connection.ts";
import { hasShardedChannels, type ServerFacts } from "../connection/server-check.ts";
import { HealthProbe } from "../connection/health-probe.ts";
import { newCounters, type RedisCounters } from "../base/diagnostics.ts";
import { ServerAvailability } from "../connection/availability.ts";
import { Keys } from "../base/keys.ts";
import { LatencyHistogram } from "../base/latency-histogram.ts";
import { Liveness } from "./liveness.ts";
import { type RedisStoreOptions, readSettings, type Settings } from "../base/options.ts";
import { assertNoClient, driverOf } from "../drivers/detect.ts";
import { Sender } from "../connection/sender.ts";
import { Shards } from "../connection/shards.ts";
import { primaryOf, slotOf } from "../base/slots.ts";
import { newNodeName } from "../base/node-names.ts";
import { Recording } from "./recording.ts";
import { UnclaimedEvents } from "../queues/unclaimed-events.ts";

/** The objects that the parts of one store share. */
export interface Services {
  readonly connection: Connection;
  readonly settings: Settings;
  readonly calls: Calls;
  readonly counters: RedisCounters;
  readonly availability: ServerAvailability;
  readonly probe: HealthProbe;
  readonly keys: Keys;
  readonly recording: Recording;
  readonly doubts: Doubts;
  readonly unclaimed: UnclaimedEvents;
  /**
   * A unique name of this process, new at each start. It identifies the process as a holder, as a writer, and
   * in its channel.
   */
  readonly node: string;
  readonly liveness: Liveness;
  /** An identifier of the server that has the session. */
  readonly serverOf: (id: string) => string;
  readonly shards: Shards;
  readonly nextSequence: () => number;
}

export interface ServiceEvents {
  readonly report: (error: unknown) => void;
  /** A process has been without a lease for so long that it counts as dead. */
  readonly nodeDied: () => void;
}

/** @throws INVALID_ARGUMENT for a bad option. */
export function makeServices(options: RedisStoreOptions, { report, nodeDied }: ServiceEvents): Services {
  assertNoClient("redisStore", options);
  const settings = readSettings(options);
  const driver = driverOf(options);
  const { allowEviction, timeoutMs } = settings;
  const keys = new Keys(settings.prefix, driver.keyPrefix, () => driver.database());
  const clock = new ServerClock();
  const connection = new Connection(driver, timeoutMs);
  const sender = new Sender(connection);
  const latency = new LatencyHistogram();
  const counters = newCounters(latency);
  const restored = (): number => (counters.reconnects += 1);
  const shards = new Shards();
  const checked = (facts: readonly ServerFacts[]): void => {
    if (driver.isCluster && facts.every(hasShardedChannels)) shards.activate(connection.client.slots);
  };
  const availability = new ServerAvailability(connection, sender, clock, {
    allowEviction,
    timeoutMs,
    report,
    checked,
    restored,
  });
  const calls = new Calls({ sender, availability, clock, timeoutMs, counters, latency, shards });
  const node = newNodeName(settings.node);
  const recording = new Recording();
  const leasesOf = (name: string): readonly string[] => keys.leases(name, driver.isCluster);
  const liveness = new Liveness(calls, leasesOf, node, settings.leaseMs, nodeDied);
  const serverOf = (id: string): string =>
    driver.isCluster ? primaryOf(connection.client.slots, slotOf(id)) : "";
  let sequence = 0;
  const nextSequence = (): number => (sequence += 1);
  return {
    connection,
    settings,
    calls,
    counters,
    availability,
    probe: new HealthProbe(connection, sender, availability.serverCheck),
    keys,
    node,
    liveness,
    serverOf,
    shards,
    nextSequence,
    recording,
    doubts: new Doubts(),
    unclaimed: new UnclaimedEvents({ calls, connection, keys, node, leaseMs: settings.leaseMs }),
  };
}

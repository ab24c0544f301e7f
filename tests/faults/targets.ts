/** The sessions that a campaign works on. */
import { SLOTS, slotOf } from "../../packages/store-redis/src/base/slots.ts";
import type { Application, Created } from "./application.mjs";
import type { Target } from "./load.mjs";
import { groupBy } from "./violations.ts";

/** Creates the sessions of a load with this number of operations. */
export async function createTargets(control: Application, operations: number): Promise<Target[]> {
  const count = Math.max(6, Math.ceil(operations / 300));
  const created = await Promise.all(Array.from({ length: count }, () => control.create()));
  return acrossShards(created).map((session, index) => ({
    ...session,
    register: index % 5 === 4,
    mortal: index % 4 === 0 && index < count - 1,
    hold: false,
    hasPages: false,
  }));
}

/** Creates sessions that pages have connections to. The load changes them, too. */
export async function createPageTargets(control: Application, count: number): Promise<Target[]> {
  const created = await Promise.all(Array.from({ length: count }, () => control.create()));
  return acrossShards(created).map((session) => ({
    ...session,
    register: false,
    mortal: false,
    hold: false,
    hasPages: true,
  }));
}

/**
 * Distributes the sessions evenly over the three shards of a Cluster. A load works on a few neighbours at a time. Otherwise all of
 * them could be on a lost shard, and the load would only wait.
 */
function acrossShards(sessions: readonly Created[]): Created[] {
  const shards = groupBy(sessions, ({ id }) => Math.floor((slotOf(id) * 3) / SLOTS));
  return [...shards.values()]
    .flatMap((shard) => shard.map((session, at) => ({ session, at: (at + 0.5) / shard.length })))
    .toSorted((one, other) => one.at - other.at)
    .map(({ session }) => session);
}

import { keySlot, primaryOf, SLOTS, tagIn } from "../base/slots.ts";
import type { Slots } from "../drivers/driver.ts";

/**
 * The limit of slot ranges per primary that have a channel. Scripts of sessions in other ranges announce by
 * PUBLISH.
 */
const MAX_RANGES = 64;

/**
 * Determines the channels by which scripts announce on a Cluster with sharded channels. A script may SPUBLISH to any channel whose
 * slot is on its own server, whichever slot the session is in. So each contiguous range of slots of one primary has a channel, in
 * the first slot of the range, and each process that holds sessions subscribes to its own channel in every range. If two processes
 * have different slot tables, the message has no receiver; the script detects that and uses PUBLISH.
 */
export class Shards {
  #isActive = false;
  #isRefused = false;
  /** By slot: the hash tag of its range, or "". */
  #tags: readonly string[] = [];

  /**
   * Call this once the servers are known to have sharded channels, before the first change. A message by PUBLISH takes another
   * way through the Cluster, so later messages on sharded channels could overtake the message.
   */
  activate(slots: Slots): void {
    if (this.#isActive || this.#isRefused) return;
    this.#isActive = true;
    this.update(slots);
  }

  /** The servers have no sharded channels, or the ACL refuses them. */
  refuse(): void {
    this.#isRefused = true;
    this.#isActive = false;
  }

  /** Processes the slot table; returns the tags of each primary's ranges. */
  update(slots: Slots): ReadonlyMap<string, readonly string[]> {
    const byPrimary = new Map<string, string[]>();
    const tags: string[] = [];
    let before = "";
    let tag = "";
    for (let slot = 0; slot < SLOTS; slot += 1) {
      const primary = primaryOf(slots, slot);
      if (primary !== before) {
        const own = byPrimary.get(primary) ?? [];
        tag = primary === "" || own.length >= MAX_RANGES ? "" : tagIn(slot);
        if (tag !== "") byPrimary.set(primary, [...own, tag]);
        before = primary;
      }
      tags.push(tag);
    }
    this.#tags = tags;
    return byPrimary;
  }

  /** The hash tag of the channel for a session's key; `undefined` if there is none. */
  tagOf(key: string): string | undefined {
    return this.#isActive ? this.#tags[keySlot(key)] : undefined;
  }
}

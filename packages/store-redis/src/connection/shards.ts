import { keySlot, masterOf, SLOTS, tagIn } from "../base/slots.ts";

/** Ranges of slots of one master for which there are channels; scripts of sessions in others announce by PUBLISH. */
const MOST_RANGES = 64;

/**
 * Through which channel a script reaches those who hold its session, on a Cluster with sharded channels. A script may SPUBLISH
 * to channels whose slot its own server has, whichever slot the session is in. So there is a channel for each run of
 * slots that one master has, in the run's first slot, and whoever holds sessions subscribes to all of his own, each at its master.
 * Two processes that see the slots differently miss each other, which the script notices: nobody hears it.
 */
export class Shards {
  #isActive = false;
  /** By slot: the tag of the run that it is in, or "". */
  #tags: readonly string[] = [];

  /** Somebody subscribed: the servers have sharded channels. */
  activate(): void {
    this.#isActive = true;
  }

  /** Takes in where the slots are; returns the tags of each master's runs. */
  update(cluster: { readonly slots: string[][] }): ReadonlyMap<string, readonly string[]> {
    const byMaster = new Map<string, string[]>();
    const tags: string[] = [];
    let before = "";
    let tag = "";
    for (let slot = 0; slot < SLOTS; slot += 1) {
      const master = masterOf(cluster, slot);
      if (master !== before) {
        const own = byMaster.get(master) ?? [];
        tag = master === "" || own.length >= MOST_RANGES ? "" : tagIn(slot);
        if (tag !== "") byMaster.set(master, [...own, tag]);
        before = master;
      }
      tags.push(tag);
    }
    this.#tags = tags;
    return byMaster;
  }

  /** The hash tag of the channels of the session's server; `undefined`: there are none. */
  tagOf(key: string): string | undefined {
    return this.#isActive ? this.#tags[keySlot(key)] : undefined;
  }
}

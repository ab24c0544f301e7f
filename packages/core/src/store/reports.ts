/** The reports of a store about other processes. */

/** A process that holds connections, as the store names it. */
export interface NodePresence {
  readonly node: string;
  readonly connections: number;
}

export interface StorePresence {
  /** The processes whose lease is good, this one included. */
  readonly nodes: readonly NodePresence[];
  /** Processes that are listed as holders but did not answer, or whose lease ran out. */
  readonly missing: readonly string[];
}

export interface StoreDestroyResult {
  /** The ids of the sessions that were destroyed. */
  readonly destroyed: readonly string[];
  /** How many connections other processes reported closed, plus those here that the store ended itself, by `notify`. */
  readonly closed: number;
  /** Processes that are listed as holders and did not confirm within the store's bound. */
  readonly unreachable: readonly string[];
}

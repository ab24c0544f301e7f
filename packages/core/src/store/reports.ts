/** What a store reports of other processes. */

/** A process that holds connections, as the store names it. */
export interface NodePresence {
  readonly node: string;
  readonly connections: number;
}

export interface StorePresence {
  /** Processes whose lease is good, this one included. */
  readonly nodes: readonly NodePresence[];
  /** Processes that are listed as holders but did not answer, or whose lease ran out. */
  readonly missing: readonly string[];
}

export interface StoreDestroyResult {
  /** Sessions that were there and are not any more. */
  readonly destroyed: readonly string[];
  /** Connections that other processes reported closed, and those here that the store ended itself, by `notify`. */
  readonly closed: number;
  /** Processes that are listed as holders and did not confirm within the store's bound. */
  readonly unreachable: readonly string[];
}

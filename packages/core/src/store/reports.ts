/** The reports of a store about other processes. */

/** A process that holds a session, by the store's name for the process. */
export interface NodePresence {
  /** The store's name for the process: the option `node` of `redisStore`, or a random one. */
  readonly node: string;
  /** How many connections to the session the process has. */
  readonly connections: number;
}

/** The processes that hold a session. */
export interface StorePresence {
  /** The holders whose lease has not expired, this process included. */
  readonly nodes: readonly NodePresence[];
  /** Listed holders that did not answer, or whose lease has expired. */
  readonly missing: readonly string[];
}

/** The result of `destroy` and `destroySubject`. */
export interface StoreDestroyResult {
  /** The ids of the sessions that were destroyed. */
  readonly destroyed: readonly string[];
  /** How many connections other processes reported closed, plus the connections here that the store itself ended by `notify`. */
  readonly closed: number;
  /** Listed holders that did not confirm within the store's time limit. */
  readonly unreachable: readonly string[];
}

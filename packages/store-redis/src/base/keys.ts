/** The names of keys and channels, and the hashes of subjects in them. */
import { hash as digestOf } from "node:crypto";
import { invalidArgument } from "@wsession/core/runtime";

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const PREFIX = /^[A-Za-z0-9_.:-]{1,64}$/;
/** Length of a subject's hash, in characters. */
const HASH = 12;
/** How many of these characters name a shared index: 64² = 4,096 shared indexes. */
const SHARED_HASH = 2;
/** Hash tags of the slots 2,048, 6,144, 10,240 and 14,336: one in the middle of each quarter of the slots. */
const LEASE_TAGS = ["5nw", "h85", "7l1", "b3k"];
const GLOB = /[[\]*?\\]/g;

/**
 * Whether `id` is a well-formed session id. Other ids are treated as absent, so that no id can reach a key
 * outside the prefix.
 */
export function isSessionId(id: string): boolean {
  return ID.test(id);
}

/**
 * The names of all keys and channels that the store uses. Keys that one script touches share a hash tag, because a Cluster requires
 * them to be in one slot. The hash tag of a session's keys is the session's id. The hash tag of a subject's keys is the hash of the
 * subject.
 */
export class Keys {
  /**
   * Includes the client's `keyPrefix`, because the store builds commands itself and ioredis does not add it.
   */
  readonly #prefix: string;

  readonly #database: () => number;

  /** @param database the number of the database, as in `Driver` */
  constructor(prefix: string, clientPrefix: string, database: () => number = () => 0) {
    if (!PREFIX.test(prefix)) {
      throw invalidArgument("redisStore: the prefix must be 1 to 64 letters, digits or any of _ . : -");
    }
    this.#prefix = clientPrefix + prefix;
    this.#database = database;
  }

  session(id: string): string {
    return `${this.#prefix}:s:{${id}}`;
  }

  /** The list of the messages that are kept for a session, in the session's slot. */
  outbox(id: string): string {
    return `${this.#prefix}:o:{${id}}`;
  }

  /** The SCAN pattern that matches the keys of all sessions. */
  get sessions(): string {
    return `${this.#literal}:s:{*}`;
  }

  /** The SCAN pattern that matches the keys of all sessions, and the indexes of all subjects. */
  get sessionsAndIndexes(): string {
    return `${this.#literal}:[su]:{*}`;
  }

  /** The prefix as a pattern that matches the prefix alone. */
  get #literal(): string {
    return this.#prefix.replace(GLOB, "\\$&");
  }

  /** Extracts the session id from a key that SCAN returned. */
  idOf(found: string): string | undefined {
    const start = `${this.#prefix}:s:{`;
    const id = found.slice(start.length, -1);
    return found.startsWith(start) && found.endsWith("}") && isSessionId(id) ? id : undefined;
  }

  /** Extracts the hash of a subject from the key of its index that SCAN returned. The key of a shared index has only its start. */
  hashOf(found: string): string | undefined {
    const start = `${this.#prefix}:u:{`;
    return found.startsWith(start) && found.endsWith("}") ? found.slice(start.length, -1) : undefined;
  }

  /**
   * The keys of a process's lease. On a Cluster there are several, in slots of different shards, because
   * otherwise the loss of one shard would make a live process look dead.
   */
  leases(node: string, isCluster: boolean): readonly string[] {
    const key = `${this.#prefix}:n:${node}`;
    return isCluster ? [key, ...LEASE_TAGS.map((tag) => `${key}{${tag}}`)] : [key];
  }

  /** The channel of one process. The scripts build the same name from the session's key. */
  channel(node: string): string {
    return `${this.#prefix}:k:${node}`;
  }

  /**
   * The sharded channel of one process in the slot of `tag`; `announce` in prelude.lua builds the same name.
   */
  shardChannel(node: string, tag: string): string {
    return `${this.#prefix}:k:${node}{${tag}}`;
  }

  /**
   * The channel that all processes subscribe to. It cannot clash with a process's own channel, because node
   * names are longer. The name has the number of the database, because Redis delivers a message to the subscribers of all
   * databases. Otherwise `destroySubject` would end the connections of another application with the same prefix.
   */
  get everybody(): string {
    const database = this.#database();
    return `${this.#prefix}:k:all${database === 0 ? "" : `:${database}`}`;
  }

  /** The set of the queues of all processes. */
  get queues(): string {
    return `${this.#prefix}:d`;
  }

  /** The names of a process's queues: one, or on a Cluster one in each quarter of the slots. */
  queueNames(node: string, isCluster: boolean): readonly string[] {
    return isCluster ? LEASE_TAGS.map((tag) => `${node}{${tag}}`) : [node];
  }

  /** The sorted set of the sessions that a process has to check. The scores are the times of the checks. */
  queue(name: string): string {
    return `${this.#prefix}:d:${name}`;
  }

  /** Which process takes over the queue of a dead process. */
  queueClaim(name: string): string {
    return `${this.#prefix}:d:${name}:c`;
  }

  /**
   * The set of the processes that watch subjects of a bucket. watch.lua and publish-changes.lua build the names of the sets of
   * subjects.
   */
  watchers(bucket: string): string {
    return `${this.#prefix}:w:{${bucket}}`;
  }

  /**
   * The sorted set that lists a subject's sessions. Its scores are the times until which each session can be
   * live.
   */
  index(hash: string): string {
    return `${this.#prefix}:u:{${hash}}`;
  }

  /** The subject's epoch: the time at which the subject's sessions were last destroyed. */
  epoch(hash: string): string {
    return `${this.#prefix}:g:{${hash}}`;
  }

  /** The seat of the subject's last takeover. */
  seat(hash: string): string {
    return `${this.#prefix}:t:{${hash}}`;
  }

  /** The sorted set of a subject's logins, by number. */
  logins(hash: string): string {
    return `${this.#prefix}:q:{${hash}}`;
  }

  /** The shared index of all subjects whose hashes have the same first characters. Only 0.1 adds sessions to it. */
  sharedIndex(hash: string): string {
    return `${this.#prefix}:u:{${hash.slice(0, SHARED_HASH)}}`;
  }

  /** The epoch of a subject beside its shared index: a process that lists sessions there compares the epoch at each login. */
  sharedEpoch(hash: string): string {
    return `${this.#prefix}:g:{${hash.slice(0, SHARED_HASH)}}${hash.slice(SHARED_HASH)}`;
  }
}

/** The member of a shared index for a session. All members have the same score, so Redis sorts them by their bytes. */
export function sharedEntry(hash: string, id: string): string {
  return hash.slice(SHARED_HASH) + id;
}

/** Whether `hash`, from the name of an index, names an index that subjects share. */
export function isSharedIndex(hash: string): boolean {
  return hash.length < HASH;
}

export function idOfSharedEntry(entry: string): string {
  return entry.slice(HASH - SHARED_HASH);
}

/** The ZRANGEBYLEX bounds of a subject's members. `~` sorts after every character of an id. */
export function sharedRange(hash: string): readonly [least: string, most: string] {
  const start = hash.slice(SHARED_HASH);
  return [`[${start}`, `(${start}~`];
}

/**
 * The first 72 bits of SHA-256, kept short to save memory per session. Scripts compare the full subject,
 * which the session stores, so two subjects with the same hash share only an index and an epoch.
 */
export function hashSubject(subject: string): string {
  if (typeof subject !== "string")
    throw invalidArgument("redisStore: the subject must be a string", {
      outcome: "not-applied",
    });
  // UTF-8 replaces every unpaired surrogate by the same character, which would merge different subjects.
  if (!subject.isWellFormed()) {
    throw invalidArgument("the subject must be well-formed Unicode", {
      outcome: "not-applied",
    });
  }
  return digestOf("sha256", subject, "base64url").slice(0, HASH);
}

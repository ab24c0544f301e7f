import { createHash } from "node:crypto";
import { SessionError } from "@wsession/core";

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const PREFIX = /^[A-Za-z0-9_.:-]{1,64}$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
/** Characters of a subject's hash. */
const HASH = 12;
/** How many of them name the index that releases before 0.2 shared among subjects: 4,096 indexes. */
const SHARED_HASH = 2;
/** Hash tags of the slots 2,048, 6,144, 10,240 and 14,336: the middle of each quarter of all. */
const LEASE_TAGS = ["5nw", "h85", "7l1", "b3k"];
const GLOB = /[[\]*?\\]/g;

/** Whether `id` can name a session: what can't is absent, and no key outside the prefix can be reached. */
export function isSessionId(id: string): boolean {
  return ID.test(id);
}

/**
 * Every key and channel that the store uses. What one script touches shares a hash tag, so that it is in one slot of a
 * Cluster: a session's two keys are tagged with its id, a subject's two with a hash of the subject.
 */
export class Keys {
  /** With what the client would put before keys by itself: commands are handed to it finished. */
  readonly #prefix: string;

  constructor(prefix: string, clientPrefix: string) {
    if (!PREFIX.test(prefix)) {
      throw new SessionError(
        "INVALID_ARGUMENT",
        "redisStore: prefix is 1 to 64 letters, digits or any of _ . : -",
      );
    }
    this.#prefix = clientPrefix + prefix;
  }

  session(id: string): string {
    return `${this.#prefix}:s:{${id}}`;
  }

  /** The list of the messages that are kept for a session, in the session's slot. */
  outbox(id: string): string {
    return `${this.#prefix}:o:{${id}}`;
  }

  /** SCAN pattern for the sessions' keys. */
  get sessions(): string {
    return `${this.#prefix.replace(GLOB, "\\$&")}:s:{*}`;
  }

  /** The id in a session's key as SCAN finds it. */
  idOf(found: string): string | undefined {
    const start = `${this.#prefix}:s:{`;
    const id = found.slice(start.length, -1);
    return found.startsWith(start) && found.endsWith("}") && isSessionId(id) ? id : undefined;
  }

  /**
   * A process's lease: one key, and where sessions are spread over the shards of a Cluster some more in other slots, so that
   * a shard that is lost takes no process with it.
   */
  leases(node: string, isCluster: boolean): readonly string[] {
    const key = `${this.#prefix}:n:${node}`;
    return isCluster ? [key, ...LEASE_TAGS.map((tag) => `${key}{${tag}}`)] : [key];
  }

  /** The channel that a process listens on. Scripts build it from the session's key. */
  channel(node: string): string {
    return `${this.#prefix}:k:${node}`;
  }

  /** One that a process listens on at the server that has the tag's slot, as announce() in prelude.lua builds it. */
  shardChannel(node: string, tag: string): string {
    return `${this.#prefix}:k:${node}{${tag}}`;
  }

  /** The channel that all processes listen on. A node's name is longer. */
  get everybody(): string {
    return `${this.#prefix}:k:all`;
  }

  /** The sorted set that lists a subject's sessions, by the time until which each can be live. */
  index(hash: string): string {
    return `${this.#prefix}:u:{${hash}}`;
  }

  /** When the subject's sessions were destroyed last. */
  epoch(hash: string): string {
    return `${this.#prefix}:g:{${hash}}`;
  }

  /** The index of releases before 0.2, which lists the sessions of all subjects whose hashes begin alike. */
  sharedIndex(hash: string): string {
    return `${this.#prefix}:u:{${hash.slice(0, SHARED_HASH)}}`;
  }

  /** The epoch of releases before 0.2. */
  sharedEpoch(hash: string): string {
    return `${this.#prefix}:g:{${hash.slice(0, SHARED_HASH)}}${hash.slice(SHARED_HASH)}`;
  }
}

/** A session as a shared index lists it. All entries have the same score, so that they are in the order of their bytes. */
export function sharedEntry(hash: string, id: string): string {
  return hash.slice(SHARED_HASH) + id;
}

export function idOfSharedEntry(entry: string): string {
  return entry.slice(HASH - SHARED_HASH);
}

/** The bounds of a subject's entries for ZRANGEBYLEX: `~` comes after every character of an id. */
export function sharedRange(hash: string): readonly [least: string, most: string] {
  const start = hash.slice(SHARED_HASH);
  return [`[${start}`, `(${start}~`];
}

/**
 * 72 bits of SHA-256: short, since it costs memory per session. Sessions carry the subject itself and scripts compare that,
 * so two subjects that share a hash share an index, an epoch and nothing else.
 */
export function hashSubject(subject: string): string {
  if (typeof subject !== "string")
    throw new SessionError("INVALID_ARGUMENT", "redisStore: a subject is a string", {
      outcome: "not-applied",
    });
  // UTF-8 would make one subject of all that differ in such a half.
  if (LONE_SURROGATE.test(subject)) {
    throw new SessionError("INVALID_ARGUMENT", "a subject is well-formed Unicode", {
      outcome: "not-applied",
    });
  }
  return createHash("sha256").update(subject).digest("base64url").slice(0, HASH);
}

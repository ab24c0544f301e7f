import { createHash } from "node:crypto";
import { SessionError } from "@wsession/core";

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const PREFIX = /^[A-Za-z0-9_.:-]{1,64}$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const GLOB = /[[\]*?\\]/g;

/** Whether `id` can name a session: what can't is absent, and no key outside the prefix can be reached. */
export function isSessionId(id: string): boolean {
  return ID.test(id);
}

/**
 * Every key and channel that the store uses. What one script touches shares a hash tag, so that it is in one slot of a
 * Cluster: a session's key is tagged with its id, a subject's two with a hash of the subject.
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

  /** A process's lease. */
  lease(node: string): string {
    return `${this.#prefix}:n:${node}`;
  }

  /** The channel that a process listens on. Scripts build it from the session's key. */
  channel(node: string): string {
    return `${this.#prefix}:k:${node}`;
  }

  /** The subject's index: session ids by a time after which they can't be live. */
  index(hash: string): string {
    return `${this.#prefix}:u:{${hash}}`;
  }

  /** How often the subject's sessions were destroyed. */
  epoch(hash: string): string {
    return `${this.#prefix}:g:{${hash}}`;
  }
}

/**
 * 96 bits of SHA-256: short, since it costs memory per subject. Sessions carry the subject itself and scripts compare that,
 * so two subjects that share a hash share an index and nothing else.
 */
export function hashSubject(subject: string): string {
  // UTF-8 would make one subject of all that differ in such a half.
  if (LONE_SURROGATE.test(subject)) {
    throw new SessionError("INVALID_ARGUMENT", "a subject is well-formed Unicode", {
      outcome: "not-applied",
    });
  }
  return createHash("sha256").update(subject).digest("base64url").slice(0, 16);
}

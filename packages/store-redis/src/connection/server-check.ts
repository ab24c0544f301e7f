/** What a server reports about itself, and whether the store can use the server. */
import { isSessionError, SessionError } from "@wsession/core";
import { replyWord } from "../base/failures.ts";
import { optionalText } from "../base/optional-text.ts";
import type { Server } from "../drivers/driver.ts";
import type { Sender } from "./sender.ts";

const MIN_VERSION = [6, 2] as const;
const FIRST_WITH_SHARDED_CHANNELS = 7;

/** The report of a server about itself. A field that the server did not report is `undefined`. */
export interface ServerFacts {
  readonly version: string | undefined;
  readonly isPrimary: boolean | undefined;
  readonly isLoading: boolean;
  readonly policy: string | undefined;
}

const NO_FACTS: ServerFacts = {
  version: undefined,
  isPrimary: undefined,
  isLoading: false,
  policy: undefined,
};

/**
 * Asks a server for its version, role and policy. Rejects if no reply arrives, or if the reply is an error other than a
 * refusal by the ACL.
 */
export class ServerCheck {
  readonly #sender: Sender;
  /** Commands that the ACL refused, or that the server did not have, at the last check of all facts. */
  readonly #refused = new Set<string>();

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  /**
   * The properties that cannot be checked because the ACL refuses the commands. Valid after a call of
   * `facts`.
   */
  get unchecked(): readonly string[] {
    if (!this.#refused.has("info")) return [];
    const isRoleKnown = !this.#refused.has("hello");
    const isPolicyKnown = !this.#refused.has("config");
    return [...(isRoleKnown ? [] : ["version", "role"]), ...(isPolicyKnown ? [] : ["maxmemory-policy"])];
  }

  /** `section`: requests this section of INFO only. Without a section, tries refused commands again, because rights may be given back. */
  async facts(server: Server, section?: "replication"): Promise<ServerFacts> {
    if (section === undefined) this.#refused.clear();
    const info = await this.#ask(server, "info", section === undefined ? [] : [section]);
    if (typeof info === "string") return readInfo(info);
    const [hello, config] = await Promise.all([
      this.#ask(server, "hello", []),
      section === undefined ? this.#ask(server, "config", ["GET", "maxmemory-policy"]) : undefined,
    ]);
    const { version, role } = readHello(hello);
    const isPrimary = role === undefined ? undefined : role === "master";
    return {
      ...NO_FACTS,
      version,
      isPrimary,
      policy: Array.isArray(config) ? optionalText(config[1]) : undefined,
    };
  }

  async #ask(server: Server, name: string, args: string[]): Promise<unknown> {
    if (this.#refused.has(name)) return undefined;
    try {
      return await this.#sender.probe(name, args, server).promise;
    } catch (error) {
      const word = error instanceof Error ? replyWord(error) : undefined;
      const isUnknown = error instanceof Error && /unknown (?:sub)?command/i.test(error.message);
      if (word !== "NOPERM" && !isUnknown) throw error;
      this.#refused.add(name);
      return undefined;
    }
  }
}

const IS_REPLICA = "the Redis server is a replica: its data may be stale";

/** Whether `unusableReason` has returned this error for a replica. */
export function isReplicaRefusal(error: unknown): boolean {
  return isSessionError(error, "NOT_SUPPORTED") && error.message === IS_REPLICA;
}

/** The reason why a server cannot be used with any options. */
export function unusableReason({ version, isPrimary }: ServerFacts): SessionError | undefined {
  if (isPrimary === false) return new SessionError("NOT_SUPPORTED", IS_REPLICA);
  if (version !== undefined && isTooOld(version))
    return new SessionError("NOT_SUPPORTED", `Redis ${version} is too old: 6.2 or newer is needed`);
  return undefined;
}

/** The reason why the server's `maxmemory-policy` is unsuitable. */
export function evictionProblem({ policy }: ServerFacts): SessionError | undefined {
  if (policy === undefined || policy === "noeviction") return undefined;
  return new SessionError(
    "NOT_SUPPORTED",
    `Redis evicts keys when its memory is full (maxmemory-policy is ${policy}), also sessions and tombstones: ` +
      "set noeviction, or give redisStore allowEviction",
  );
}

/** The report that some properties are not checked, because the ACL refuses the commands. */
export function uncheckedReport(what: readonly string[]): SessionError {
  return new SessionError(
    "NOT_SUPPORTED",
    `the Redis user has no right to read the server's ${what.join(", ")}, so the store can't check these: allow INFO`,
  );
}

/** Redis 7 and newer have SSUBSCRIBE and SPUBLISH. */
export function hasShardedChannels({ version }: ServerFacts): boolean {
  return Number.parseInt(version ?? "", 10) >= FIRST_WITH_SHARDED_CHANNELS;
}

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < MIN_VERSION[0] || (major === MIN_VERSION[0] && minor < MIN_VERSION[1]);
}

function readInfo(text: string): ServerFacts {
  const fields = new Map<string, string>();
  for (const line of text.split("\r\n")) {
    const end = line.indexOf(":");
    if (end > 0) fields.set(line.slice(0, end), line.slice(end + 1));
  }
  const role = fields.get("role");
  return {
    version: fields.get("redis_version"),
    isPrimary: role === undefined ? undefined : role === "master",
    isLoading: (fields.get("loading") ?? "0") !== "0",
    policy: fields.get("maxmemory_policy"),
  };
}

/** Reads the reply of HELLO: a list of names and values, or a map. */
function readHello(reply: unknown): {
  readonly version: string | undefined;
  readonly role: string | undefined;
} {
  if (typeof reply !== "object" || reply === null) return { version: undefined, role: undefined };
  const entries: [string, unknown][] = Array.isArray(reply)
    ? reply.flatMap((name: unknown, at) => (at % 2 === 0 ? [[String(name), reply[at + 1]]] : []))
    : reply instanceof Map
      ? [...reply].map(([name, value]: [unknown, unknown]) => [String(name), value])
      : Object.entries(reply);
  const fields = new Map(entries);
  return { version: optionalText(fields.get("version")), role: optionalText(fields.get("role")) };
}

import type { Keys } from "../base/keys.ts";

/** Why the store needs a right. */
export type Purpose = "always" | "cluster" | "sharded" | "presence" | "logins" | "checks";

/** A command as the store sends it, for a check of the ACL. */
export interface RequiredRight {
  readonly purpose: Purpose;
  readonly words: readonly [command: string, ...args: string[]];
}

/** A session id, a node name and a subject's hash of the right form. */
const ID = "a".repeat(22);
const NODE = "a".repeat(8);
const HASH = "a".repeat(12);

/** The commands that the store sends to a session's key. */
const ON_KEYS: readonly (readonly [command: string, ...args: string[]])[] = [
  ["set", "value"],
  ["get"],
  ["del"],
  ["exists"],
  ["hget", "field"],
  ["hmget", "field"],
  ["hgetall"],
  ["hkeys"],
  ["hset", "field", "value"],
  ["hdel", "field"],
  ["llen"],
  ["lindex", "0"],
  ["lrange", "0", "0"],
  ["rpush", "value"],
  ["lset", "0", "value"],
  ["lpop"],
  ["ltrim", "0", "0"],
  ["unlink"],
  ["pexpire", "1"],
  ["pexpireat", "1"],
  ["persist"],
  ["zadd", "1", "member"],
  ["zrem", "member"],
  ["zscore", "member"],
  ["zrange", "0", "0"],
  ["zrangebyscore", "0", "0"],
  ["zrangebylex", "-", "+"],
];

/** The commands on sets, which record presence. */
const ON_SETS: readonly (readonly [command: string, ...args: string[]])[] = [
  ["sadd", "member"],
  ["srem", "member"],
  ["smembers"],
  ["sismember", "member"],
  ["smismember", "member"],
];

/** The rights that the store needs, as in the ACL of docs/operations.md. */
export function requiredRights(keys: Keys): readonly RequiredRight[] {
  const right = (purpose: Purpose, command: string, ...args: readonly string[]): RequiredRight => ({
    purpose,
    words: [command, ...args],
  });
  const session = keys.session(ID);
  const channel = keys.channel(NODE);
  return [
    ...ON_KEYS.map(([command, ...args]) => right("always", command, session, ...args)),
    right("always", "get", keys.outbox(ID)),
    right("always", "get", keys.index(HASH)),
    right("always", "get", keys.epoch(HASH)),
    right("always", "get", keys.leases(NODE, false)[0] ?? ""),
    right("always", "evalsha", "digest", "1", session),
    right("always", "eval", "return 1", "1", session),
    right("always", "time"),
    right("always", "ping"),
    right("always", "scan", "0"),
    right("always", "publish", channel, "message"),
    right("always", "publish", keys.everybody, "message"),
    right("always", "subscribe", channel),
    right("always", "subscribe", keys.everybody),
    right("sharded", "spublish", channel, "message"),
    right("sharded", "ssubscribe", channel),
    right("sharded", "sunsubscribe", channel),
    right("cluster", "cluster", "slots"),
    right("cluster", "cluster", "info"),
    right("cluster", "readonly"),
    right("cluster", "asking"),
    ...ON_SETS.map(([command, ...args]) => right("presence", command, keys.queues, ...args)),
    right("presence", "get", keys.queue(NODE)),
    right("presence", "get", keys.watchers("0")),
    right("logins", "get", keys.logins(HASH)),
    right("logins", "get", keys.seat(HASH)),
    right("checks", "info"),
    right("checks", "config", "get", "maxmemory-policy"),
    right("checks", "hello"),
    right("checks", "auth", "name", "password"),
    right("checks", "client", "setname", "name"),
  ];
}

/** A right as a rule of an ACL names it: the command, or the key or channel that the user can't reach. */
export function ruleOf({ words: [command, ...args] }: RequiredRight): string {
  const [argument = ""] = args;
  const hasSubcommand = command === "cluster" || command === "config" || command === "client";
  return hasSubcommand ? `+${command}|${argument}` : `+${command}`;
}

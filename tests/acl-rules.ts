// The user with the rights of docs/operations.md alone.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cli, type RedisServer } from "../packages/store-redis/test/redis-server.ts";

export const documentedUser = { username: "app", password: "secret" };

/** The rules in the block of docs/operations.md that has them, for prefixes as the tests make them. */
export function documentedRules(): string[] {
  const page = readFileSync(join(import.meta.dirname, "../docs/operations.md"), "utf8");
  const [, block = ""] = /^```acl\n(.*?)^```$/ms.exec(page) ?? [];
  return block
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => word.replace(/^([~&])ws:/, "$1t*:"));
}

/** Gives a server the user with these rules. */
export async function restrict({ port }: RedisServer): Promise<void> {
  const answer = await cli(
    port,
    "acl",
    "setuser",
    documentedUser.username,
    "on",
    `>${documentedUser.password}`,
    ...documentedRules(),
  );
  if (answer !== "OK") throw new Error(`the rules are refused: ${answer}`);
  // Servers before Redis 7.2 do not have this command, and refuse a rule that names it.
  await cli(port, "acl", "setuser", documentedUser.username, "+client|setinfo");
}

/** The entries of the ACL logs: a call that does without a right that it was refused passes, and leaves an entry. */
export async function refusedBy(servers: readonly RedisServer[]): Promise<readonly string[]> {
  const logs = await Promise.all(servers.map(({ port }) => cli(port, "acl", "log")));
  return logs.filter((log) => log !== "");
}

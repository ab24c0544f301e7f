/** Which permissions Deno has to grant: a part of `npm run test:runtimes`, which installs Deno. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { useRedisServer } from "../../packages/store-redis/test/shared-servers.ts";

const redis = useRedisServer();
const deno = process.env["WSESSION_DENO"] ?? "";
const program = join(import.meta.dirname, "smallest.ts");

/** What the application says, or why Deno does not run it. */
async function said(permissions: readonly string[], args: readonly string[]): Promise<string> {
  const all = ["run", "--no-prompt", ...permissions, program, ...args];
  return promisify(execFile)(deno, all).then(
    ({ stdout }) => stdout.trim(),
    (error: unknown) => String(error),
  );
}

describe.each([
  { store: "mapStore", args: () => [] },
  { store: "redisStore, with ioredis", args: () => [String(redis.port)] },
])("an application on Deno with adapter-ws and $store", ({ args }) => {
  test("runs with --allow-net and --allow-env alone", async () => {
    expect(await said(["--allow-net", "--allow-env"], args())).toBe("ok");
  });

  test.each([
    ["--allow-net", "--allow-env"],
    ["--allow-env", "--allow-net"],
  ])("needs both: with %s alone Deno asks for %s", async (given, asked) => {
    expect(await said([given], args())).toContain(asked);
  });
});

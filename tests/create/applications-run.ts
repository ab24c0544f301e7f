import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../../packages/store-redis/test/redis-server.ts";
import { install, run } from "../packages/commands.ts";
import { packageFolders, repository, Workshop } from "../packages/tarballs.ts";

const applications = ["ws", "uws"].flatMap((runtime) =>
  ["map", "redis"].flatMap((store) =>
    ["login", "no-login"].map((login) => ({
      name: `${runtime}-${store}-${login}`,
      options: ["--runtime", runtime, "--store", store, `--${login}`],
    })),
  ),
);

let workshop: Workshop;
let redis: RedisServer;
/** Where create-wsession is installed from its tarball, and the applications are written. */
let home: string;

beforeAll(async () => {
  [workshop, redis] = await Promise.all([Workshop.open(), startRedis()]);
  home = await workshop.project("home", {});
  const pack = ["pack", "--silent", "--ignore-scripts", "--pack-destination", home];
  const tarball = await run(join(repository, "packages", "create-wsession"), "npm", pack);
  await run(home, "npm", ["install", "--no-audit", "--no-fund", join(home, tarball.trim())]);
  process.env["REDIS_URL"] = `redis://127.0.0.1:${redis.port}`;
});

afterAll(async () => {
  await workshop?.[Symbol.asyncDispose]();
  await redis?.stop();
});

async function createApplication(name: string, options: readonly string[]): Promise<string> {
  await run(home, "npx", ["--no-install", "create-wsession", name, ...options]);
  const folder = join(home, name);
  await installFromTarballs(folder);
  return folder;
}

/** The packages are not on the registry, and upstream's uWebSockets.js is not on npm. */
async function installFromTarballs(folder: string): Promise<void> {
  const file = join(folder, "package.json");
  const manifest = JSON.parse(await readFile(file, "utf8")) as { dependencies: Record<string, string> };
  const { dependencies } = manifest;
  // What the packages depend on among themselves comes from the tarballs too.
  dependencies["@wsession/protocol"] = "*";
  for (const each of packageFolders)
    if (`@wsession/${each}` in dependencies)
      dependencies[`@wsession/${each}`] = `file:${workshop.tarball(each).file}`;
  if ("uWebSockets.js" in dependencies) dependencies["uWebSockets.js"] = "npm:uwebsockets@3.0.6";
  await writeFile(file, JSON.stringify(manifest));
  await install(folder);
}

test.each(applications)("$name installs, builds, and passes its own test", async ({ name, options }) => {
  const folder = await createApplication(name, options);
  await run(folder, "npm", ["run", "build"]);
  const printed = await run(folder, "npm", ["test"]);
  expect(printed).toMatch(/^# pass 3$/m);
});

test("an application with a mistake fails: in its types, or in its test", async () => {
  const folder = await createApplication("broken", ["--yes"]);
  const file = join(folder, "src", "handlers.ts");
  const handlers = await readFile(file, "utf8");
  await writeFile(file, handlers.replace('"click"', '"clack"'));
  await expect(run(folder, "npm", ["test"])).rejects.toThrow("# fail 1");
  await writeFile(file, handlers.replace("data.clicks + 1", "data.click + 1"));
  await expect(run(folder, "npm", ["run", "build"])).rejects.toThrow("TS2551");
});

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { provideTools } from "../provide.mjs";
import { proxies, ToolError } from "../tools.mjs";

let machine: string;
const said = vi.spyOn(console, "log");

beforeEach(() => {
  said.mockReset().mockImplementation(() => {});
  machine = mkdtempSync(join(tmpdir(), "wsession-provide-"));
});

afterEach(() => {
  rmSync(machine, { recursive: true, force: true });
});

/** A program of a machine that holds nothing but what the test puts there. */
function program(folder: string, name: string, script = "exit 0"): string {
  mkdirSync(join(machine, folder), { recursive: true });
  const file = join(machine, folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

function programs(folder: string, names: readonly string[]): void {
  for (const name of names) program(folder, name);
}

/** Whatever this system installs with does this; `sudo` lets it. */
function packageManager(script: string): void {
  program("bin", "apt-get", script);
  program("bin", "brew", script);
  program("bin", "sudo", 'shift; exec "$@"');
}

async function provide(environment: NodeJS.ProcessEnv = {}): Promise<Record<string, string>> {
  return provideTools({ PATH: join(machine, "bin"), ...environment }, [join(machine, "usual")]);
}

const redis = ["redis-server", "redis-sentinel", "redis-cli"] as const;

describe("what is installed", () => {
  test("is found on the PATH", async () => {
    programs("bin", [...redis, "chromium"]);
    expect(await provide()).toEqual({
      WSESSION_REDIS_SERVER: join(machine, "bin", "redis-server"),
      WSESSION_REDIS_SENTINEL: join(machine, "bin", "redis-sentinel"),
      WSESSION_REDIS_CLI: join(machine, "bin", "redis-cli"),
      WSESSION_CHROMIUM: join(machine, "bin", "chromium"),
    });
  });

  test("is found in the usual folders when the PATH lacks them", async () => {
    programs("usual", [...redis, "chromium-browser"]);
    const found = await provide();
    expect(found["WSESSION_REDIS_SERVER"]).toBe(join(machine, "usual", "redis-server"));
    expect(found["WSESSION_CHROMIUM"]).toBe(join(machine, "usual", "chromium-browser"));
  });

  test("is the headless shell of Chromium where the machine has both", async () => {
    programs("bin", [...redis, "chromium", "chromium-headless-shell"]);
    expect((await provide())["WSESSION_CHROMIUM"]).toBe(join(machine, "bin", "chromium-headless-shell"));
  });

  test("is skipped when it does not run", async () => {
    programs("bin", redis);
    program("bin", "chromium-browser", 'echo "install the snap" >&2; exit 1');
    program("usual", "google-chrome");
    expect((await provide())["WSESSION_CHROMIUM"]).toBe(join(machine, "usual", "google-chrome"));
  });
});

describe("a binary that the environment names", () => {
  test("comes before the PATH, and brings the programs beside it", async () => {
    programs("bin", [...redis, "chromium"]);
    programs("own", redis);
    const server = join(machine, "own", "redis-server");
    const found = await provide({ WSESSION_REDIS_SERVER: server });
    expect(found["WSESSION_REDIS_SERVER"]).toBe(server);
    expect(found["WSESSION_REDIS_CLI"]).toBe(join(machine, "own", "redis-cli"));
  });

  test("is an error when it does not run", async () => {
    programs("bin", [...redis, "chromium"]);
    const failure = provide({ WSESSION_REDIS_SERVER: "/nowhere/redis-server" });
    await expect(failure).rejects.toThrow(ToolError);
    await expect(failure).rejects.toThrow(/^WSESSION_REDIS_SERVER names \/nowhere\/redis-server, but .*\.$/);
  });

  test("is an error that shows the argument with which the binary was run", async () => {
    const environment = { WSESSION_NGINX: "/nowhere/nginx" };
    await expect(provideTools(environment, [], proxies)).rejects.toThrow(
      "WSESSION_NGINX names /nowhere/nginx, but `/nowhere/nginx -v` does not run; correct or unset it.",
    );
  });
});

describe("what is missing", () => {
  test("is installed by the package manager, said before and without questions", async () => {
    program("bin", "chromium");
    program("made", "redis-server");
    const copies = redis.map((name) => `/bin/cp ${machine}/made/redis-server ${machine}/bin/${name}`);
    packageManager(
      `echo "$DEBIAN_FRONTEND $@" >> ${machine}/log; [ "$1" = update ] || { ${copies.join(";")}; }`,
    );
    const found = await provide({ npm_lifecycle_event: "test" });
    expect(found["WSESSION_REDIS_SERVER"]).toBe(join(machine, "bin", "redis-server"));
    expect(readFileSync(join(machine, "log"), "utf8")).toMatch(/^noninteractive install .*redis/m);
    expect(said.mock.calls).toEqual([
      [expect.stringMatching(/^npm test: installing redis.* with \S+, for redis.*$/)],
    ]);
  });

  test.each([
    ["an npm script", { npm_lifecycle_event: "bench:deploy" }, /^npm run bench:deploy: installing redis/],
    ["no npm script", {}, /^node \S+: installing redis/],
  ])("is installed by %s under the name of the running command", async (_, environment, message) => {
    program("bin", "chromium");
    packageManager("exit 100");
    await expect(provide(environment)).rejects.toThrow(ToolError);
    expect(said.mock.calls[0]).toEqual([expect.stringMatching(message)]);
  });

  test("is provided although its package failed to start a service", async () => {
    program("bin", "chromium");
    program("made", "redis-server");
    const copies = redis.map((name) => `/bin/cp ${machine}/made/redis-server ${machine}/bin/${name}`);
    packageManager(`${copies.join(";")}; exit 100`);
    expect(Object.keys(await provide())).toHaveLength(4);
  });

  test("is reported in one sentence when the package manager fails", async () => {
    program("bin", "chromium");
    packageManager('echo "E: Unable to locate package redis-server" >&2; exit 100');
    const failure = provide();
    await expect(failure).rejects.toThrow(ToolError);
    await expect(failure).rejects.toThrow(
      /^This command needs redis-server, redis-sentinel, redis-cli, and .* failed \(E: Unable to locate package redis-server\); .*WSESSION_REDIS_SERVER.*\.$/,
    );
  });

  test("is reported in one sentence when there is no package manager", async () => {
    program("bin", "chromium");
    await expect(provide()).rejects.toThrow(
      /^This command needs .*, and there is no .* to install it with; .*\.$/,
    );
  });
});

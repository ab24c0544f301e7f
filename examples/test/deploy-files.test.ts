/** The files of examples/deploy, compared with the program that they run and with each other. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, onTestFinished, test } from "vitest";

const folder = join(import.meta.dirname, "..");
const [site, unit, container, program] = await Promise.all(
  ["deploy/nginx.conf", "deploy/application@.service", "deploy/Containerfile", "src/deploy/server.ts"].map(
    (file) => readFile(join(folder, file), "utf8"),
  ),
);

const HEARTBEAT_SECONDS = 30;
const nginx = process.env["WSESSION_NGINX"] ?? "/usr/sbin/nginx";
const hasNginx = spawnSync(nginx, ["-v"]).status === 0;

/** The value of a setting of systemd or of nginx. */
function settingIn(text: string | undefined, name: string): string {
  return new RegExp(`^\\s*${name}[ =](.*?);?$`, "m").exec(text ?? "")?.[1] ?? "";
}

describe("the site of nginx", () => {
  test("keeps an idle connection for longer than two heartbeats", () => {
    for (const name of ["proxy_read_timeout", "proxy_send_timeout"])
      expect(Number.parseInt(settingIn(site, name), 10)).toBeGreaterThan(2 * HEARTBEAT_SECONDS);
  });

  test("passes upgrades on, replaces X-Forwarded-For, and tries the next process after a refusal", () => {
    expect(site).toContain("proxy_set_header Upgrade $http_upgrade;");
    expect(site).toContain("proxy_set_header X-Forwarded-For $remote_addr;");
    expect(site).toContain("proxy_http_version 1.1;");
    expect(settingIn(site, "proxy_next_upstream")).toBe("error timeout http_503");
    const servers = site?.match(/^\s*server 127\S+.*$/gm) ?? [];
    expect(servers.length).toBeGreaterThan(1);
    for (const line of servers) expect(line).toContain("max_fails=0");
  });

  // `npm run bench:deploy` installs nginx. Here it is used where it is.
  test.skipIf(!hasNginx)("is valid, as nginx says", async () => {
    const place = await mkdtemp(join(tmpdir(), "wsession-site-"));
    onTestFinished(() => rm(place, { recursive: true, force: true }));
    const main = join(place, "nginx.conf");
    await writeFile(join(place, "site.conf"), site ?? "");
    await writeFile(main, `pid ${place}/pid; events {} http { access_log off; include ${place}/site.conf; }`);
    const { status, stderr } = spawnSync(nginx, ["-t", "-q", "-e", join(place, "log"), "-c", main], {
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([0, ""]);
  });
});

describe("the unit of systemd", () => {
  test("gives the program its settings, and longer than drainMs until SIGKILL", () => {
    const settings = new Map(
      settingIn(unit, "Environment")
        .split(" ")
        .map((pair) => pair.split("=", 2) as [string, string]),
    );
    const [, taken = ""] = /const \{([^}]*)\} = process\.env/.exec(program ?? "") ?? [];
    const read = [...taken.matchAll(/\b([A-Z_]+) =/g)].map(([, name = ""]) => name);
    expect(read.length).toBeGreaterThan(2);
    expect(read.filter((name) => !settings.has(name))).toEqual([]);
    const drainSeconds = Number(settings.get("DRAIN_MS")) / 1_000;
    expect(Number(settingIn(unit, "TimeoutStopSec"))).toBeGreaterThanOrEqual(drainSeconds + 6);
  });

  test("sends SIGTERM to the main process alone, which is the program and no shell", () => {
    expect(settingIn(unit, "KillSignal")).toBe("SIGTERM");
    expect(settingIn(unit, "KillMode")).toBe("mixed");
    expect(settingIn(unit, "ExecStart")).toMatch(/^\/usr\/bin\/node /);
  });
});

test("the container image has glibc, and the program is its process 1", () => {
  expect(container).toMatch(/^FROM .*node:\d+-(?:trixie|bookworm)/m);
  expect(container).toMatch(/^CMD \["node", /m);
  expect(container).toMatch(/^STOPSIGNAL SIGTERM$/m);
  expect(container).not.toMatch(/alpine$/m);
});

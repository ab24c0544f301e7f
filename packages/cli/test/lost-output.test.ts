/** Output that can't be read: a full disk, and a reader that has ended. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, openSync, closeSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const packages = join(import.meta.dirname, "..", "..");
const commands = [
  ["wsession", join(packages, "cli", "dist", "main.js")],
  ["create-wsession", join(packages, "create-wsession", "dist", "main.js")],
] as const;

/** A device of Linux that refuses each write with ENOSPC. */
const FULL = "/dev/full";

function full(): number {
  const file = openSync(FULL, "w");
  onTestFinished(() => closeSync(file));
  return file;
}

test.skipIf(!existsSync(FULL)).each(commands)(
  "%s whose output goes to a full disk says so in a line, and exits with 1",
  (name, main) => {
    const stdio = ["ignore", full(), "pipe"] as const;
    const { status, stderr } = spawnSync(process.execPath, [main, "--help"], {
      stdio: [...stdio],
      encoding: "utf8",
    });
    expect(stderr).toMatch(/^[^\n]*ENOSPC[^\n]*\n$/);
    expect(stderr).toContain(`${name}: the output can't be written: `);
    expect(status).toBe(1);
  },
);

test.skipIf(!existsSync(FULL)).each(commands)(
  "%s keeps its exit code if its messages go to a full disk",
  (_, main) => {
    const { status, stdout } = spawnSync(process.execPath, [main, "--wrong"], {
      stdio: ["ignore", "pipe", full()],
      encoding: "utf8",
    });
    expect([status, stdout]).toEqual([2, ""]);
  },
);

/** Starts a command one of whose outputs has no reader. A shell waits until the reader is gone. */
async function withoutReader(main: string, args: string, stream: 1 | 2) {
  const other = stream === 1 ? 2 : 1;
  const child = spawn("sh", ["-c", `read go; exec "$0" "$1" ${args}`, process.execPath, main]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const lost = child.stdio[stream];
  const gone = once(lost, "close");
  lost.destroy();
  await gone;
  let text = "";
  child.stdio[other].on("data", (chunk) => (text += String(chunk)));
  const closed = once(child, "close");
  child.stdin.end("go\n");
  const [code] = await closed;
  return { code, text };
}

test.each(commands)(
  "%s whose reader has ended, as with `| head`, exits with 0 and says nothing",
  async (_, main) => {
    expect(await withoutReader(main, "--help", 1)).toEqual({ code: 0, text: "" });
  },
);

test.each(commands)("%s keeps its exit code if its messages have no reader", async (_, main) => {
  expect(await withoutReader(main, "--wrong", 2)).toEqual({ code: 2, text: "" });
});

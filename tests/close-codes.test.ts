import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { broken } from "./endings/broken-clients.ts";
import { closings } from "./endings/closings.ts";
import { refusals } from "./endings/refusals.ts";
import { runtimeNames } from "./runtimes.ts";

const root = join(import.meta.dirname, "..");

/** Causes whose test is elsewhere: another runtime's, or a race that has to be held open. */
const elsewhere: Readonly<Record<string, readonly [file: string, words: string]>> = {
  "1011 not admitted": ["packages/adapter-ws/test/reporting.test.ts", "bound after the first handshake"],
  "1011 message unreadable": ["packages/adapter-ws/test/reporting.test.ts", 'binaryType "blob"'],
  "1013 too much waits to be sent": [
    "tests/web-socket/sending-cases.ts",
    "close 1013 too much waits to be sent",
  ],
  "4410 sessions revoked": ["tests/overtaken-operations.ts", 'destroySubject: ["401", "closed 4410"]'],
  "400 not an upgrade": ["packages/adapter-uws/test/upgrades.test.ts", "toBe(400)"],
  "431 header fields too large": ["tests/security/attacks.test.ts", "[431, 0]"],
};

describe.each(runtimeNames)("on %s, the client gets the close code", (runtime) => {
  test.each(Object.entries(closings))("when its connection is closed: %s", async (cause, run) => {
    expect(await run(runtime)).toBe(cause);
  });

  test.each(Object.entries(refusals))("when its handshake is refused: %s", async (cause, run) => {
    expect(await run(runtime)).toBe(cause);
  });
});

test.each(Object.entries(broken))(
  "the close handler gets the same code on both runtimes, or the code in the reference: %s",
  async (cause, run) => {
    const [ws, uws] = [await run("ws"), await run("uws")];
    const row = (await causesOf("Close codes")).find((cells) => `${cells[0]} ${cells[1]}` === cause);
    expect(row?.slice(2, 4)).toEqual([`${ws}`, `${uws}`]);
  },
);

test("each cause in the reference has a test, and each cause in the source has a row", async () => {
  const tested = [...Object.keys(closings), ...Object.keys(refusals), ...Object.keys(elsewhere)];
  const rows = [...(await causesOf("Close codes")), ...(await causesOf("Statuses"))];
  const reported = rows
    .filter((cells) => cells.length === 3)
    .map(([code, reason]) => `${code} ${reason}`.trim());
  const own = tested.map((cause) => cause.trim());
  expect(reported.filter((cause) => !own.includes(cause))).toEqual([]);
  expect(own.filter((cause) => !reported.includes(cause))).toEqual([]);
  const reasons = new Set(rows.map(([, reason]) => reason));
  expect((await reasonsInSource()).filter((reason) => !reasons.has(reason))).toEqual([]);
});

test("the tests in other files that this list names exist", async () => {
  for (const [file, words] of Object.values(elsewhere))
    expect(await readFile(join(root, file), "utf8")).toContain(words);
});

/** The rows of a section that begin with a code and a cause. */
async function causesOf(section: string): Promise<string[][]> {
  const page = await readFile(join(root, "docs/reference.md"), "utf8");
  const text = page.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? "";
  const rows = text.split("\n").filter((line) => /^\| \d{3,4} \|/.test(line));
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

/** Every reason that stands in the source beside a close code or a status. */
async function reasonsInSource(): Promise<string[]> {
  const reasons = new Set<string>();
  const patterns = [
    /\.end\([\w.]+, "([^"]+)"\)/g,
    /refused?\((?:response, |"[a-z]+", )?\d{3}, "([^"]+)"\)/g,
    /code: [\w.]+, reason: (?:[\w.]+ \?\? )?"([^"]+)"/g,
    /refuse\((?:"[a-z]+", )?"([^"]+)"\)/g,
    /\.close\([\w]+, 1\d{3}, "([^"]+)"\)/g,
    /socket\.close\(\d+, "([^"]+)"\)/g,
  ];
  for (const name of ["core", "adapter-ws", "adapter-uws"]) {
    const folder = join(root, "packages", name, "src");
    for (const file of await readdir(folder, { recursive: true })) {
      if (!file.endsWith(".ts")) continue;
      const source = await readFile(join(folder, file), "utf8");
      for (const pattern of patterns)
        for (const [, reason = ""] of source.matchAll(pattern)) reasons.add(reason);
    }
  }
  expect(reasons.size).toBeGreaterThan(20);
  return [...reasons];
}

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";

const run = promisify(execFile);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oxlint = join(root, "node_modules/oxlint/bin/oxlint");

/** Each folder of a package imports its own files and those of the folders before it. */
const roomsOf = {
  core: ["base", "handshake", "store", "api", "session", "admission", "connection", "framed", "server"],
  "store-redis": [
    "base",
    "scripts",
    "drivers",
    "connection",
    "commands",
    "announcements",
    "queues",
    "holders",
    "presence",
    "membership",
    "sessions",
    "inspection",
  ],
};

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wsession-rooms-"));
  await cp(join(root, ".oxlintrc.json"), join(folder, ".oxlintrc.json"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** Writes these files of a package into a project of its own, with the project's lint rules, and names the rules that fail. */
async function lint(inPackage: string, files: Readonly<Record<string, string>>): Promise<string[]> {
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, "packages", inPackage, "src", name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  const { stdout } = await run(process.execPath, [oxlint, "--format=json"], { cwd: folder }).catch(
    (error: { stdout: string }) => error,
  );
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] };
  return diagnostics.map(({ code, filename }) => `${filename.split("/src/")[1]} ${code}`).toSorted();
}

test.each(Object.entries(roomsOf))(
  "%s: the lint rules refuse an import of each later folder, types included, and allow each earlier one",
  async (inPackage, rooms) => {
    const files: Record<string, string> = {};
    const refused: string[] = [];
    for (const [height, room] of rooms.entries()) {
      files[`${room}/own.ts`] = `export const ${room}: string = "${room}";\n`;
      for (const [otherHeight, other] of rooms.entries()) {
        if (other === room) continue;
        const name = `${room}/from-${other}.ts`;
        files[name] =
          `import type { ${other} } from "../${other}/own.ts";\nexport type Use = typeof ${other};\n`;
        if (otherHeight > height) refused.push(`${name} eslint(no-restricted-imports)`);
      }
    }
    expect(await lint(inPackage, files)).toEqual(refused.toSorted());
  },
);

test("the lint rules refuse a cycle of imports, types included", async () => {
  const found = await lint("core", {
    "session/one.ts": 'import type { Two } from "./two.ts";\nexport type One = readonly Two[];\n',
    "session/two.ts": 'import type { One } from "./one.ts";\nexport type Two = readonly One[];\n',
  });
  expect(found).toEqual(["session/one.ts import(no-cycle)", "session/two.ts import(no-cycle)"]);
});

/** docs/architecture.md does not list the files of these folders. It says that each script has a file. */
const ROOMS_BY_SCRIPT: ReadonlySet<string> = new Set(["commands", "scripts"]);

test.each(Object.entries(roomsOf))(
  "docs/architecture.md lists the folders of %s in the order of their imports, and each of their files once",
  async (inPackage, rooms) => {
    const page = await readFile(join(root, "docs/architecture.md"), "utf8");
    const section = page.split(`## Files of ${inPackage}\n`)[1]?.split("\n## ")[0] ?? "";
    const listed = new Map<string, string[]>();
    let room = "";
    for (const [, name, files = ""] of section.matchAll(/^\| (?:`([\w.]+)\/`)? ?\| (.*?) \|/gm)) {
      if (name !== undefined) listed.set((room = name), []);
      for (const [, file = ""] of files.matchAll(/`([\w-]+\.ts)`/g)) listed.get(room)?.push(file);
    }
    expect([...listed.keys()].filter((name) => name !== ".")).toEqual(rooms);
    for (const each of rooms.filter((name) => !ROOMS_BY_SCRIPT.has(name))) {
      const files = await readdir(join(root, "packages", inPackage, "src", each));
      const expected = files.filter((name) => name.endsWith(".ts"));
      expect({ [each]: listed.get(each)?.toSorted() }).toEqual({ [each]: expected.toSorted() });
    }
  },
);

/** A generated program: release 0.1 in one file. */
const BUNDLE = join("tests", "upgrade", "release-0.1.mjs");
const SOURCE = /\.(?:ts|mjs|lua|c|css|html)$/;

test("no source file and no test file has more than 300 lines", async () => {
  const found: string[] = [];
  for (const place of ["packages", "apps", "bench", "examples", "tests", "scripts", "site", "spec"]) {
    for (const name of await readdir(join(root, place), { recursive: true })) {
      const file = join(place, name);
      if (!SOURCE.test(file) || /(?:^|\/)(?:node_modules|dist|\.[^/]*)\//.test(file) || file === BUNDLE)
        continue;
      const text = await readFile(join(root, file), "utf8");
      if (text.trimEnd().split("\n").length > 300) found.push(file);
    }
  }
  expect(found).toEqual([]);
});

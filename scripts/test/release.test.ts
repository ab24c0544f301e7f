import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { differences, reportsOf, undocumentedIn } from "../api.mjs";
import { entriesOf, installedWith, publishedPackages } from "../packages.mjs";
import { budgets, checkSizes } from "../sizes.mjs";
import { staleOutput } from "../stale-output.mjs";
import { checkLicences, checkManifest, checkPaths, checkVersions } from "../tarball-files.mjs";
import { ToolError } from "../tools.mjs";
import { setNextVersion } from "../version.mjs";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wsession-release-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("the sizes of the entries", () => {
  const entries = publishedPackages().flatMap(entriesOf);
  const small = entries.filter(({ name }) => name === "@wsession/opentelemetry");

  test("each entry but conformance has a budget, and no budget is without an entry", () => {
    const names = entries.map(({ name }) => name).filter((name) => name !== "@wsession/conformance");
    expect(Object.keys(budgets).toSorted()).toEqual(names.toSorted());
  });

  test("an entry within its budget passes, and one above a budget of one byte is reported with its size", async () => {
    expect(await checkSizes(small)).toEqual([]);
    expect(await checkSizes(small, { "@wsession/opentelemetry": 1 })).toEqual([
      expect.stringMatching(/^@wsession\/opentelemetry has \d{4} bytes, .* is 1$/),
    ]);
  });

  test("a budget that is far above the size is reported", async () => {
    expect(await checkSizes(small, { "@wsession/opentelemetry": 9_000 })).toEqual([
      expect.stringMatching(/its budget .* is 9000, which is more than 10 % above$/),
    ]);
  });

  test("an entry without a budget is reported", async () => {
    expect(await checkSizes(small, {})).toEqual([expect.stringContaining("has no budget")]);
  });
});

describe("the API reports", () => {
  test("an export, a member or a type behind an export that is added or removed is a difference, and a comment is not a difference", () => {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "@wsession/planted" }));
    const programs = {
      before: "interface Behind { one: 1; }\n/** Says so. */\nexport declare function f(): Behind;\n",
      commented: "interface Behind { one: 1; }\n/** Says more. */\nexport declare function f(): Behind;\n",
      after:
        "interface Behind { two: 2; }\n/** Says so. */\nexport declare function f(): Behind;\nexport type T = 1;\n",
    };
    const entries = Object.entries(programs).map(([name, program]) => {
      writeFileSync(join(folder, `${name}.d.ts`), program);
      return { name, folder, types: `${name}.d.ts`, module: "" };
    });
    const reports = reportsOf(entries);
    const of = (name: string) => new Map([["planted.api.md", reports.get(`${name}.api.md`) ?? ""]]);
    const before = of("before");
    expect(differences(of("commented"), before)).toEqual([]);
    expect(differences(of("after"), before)).toEqual([
      expect.stringMatching(/^api\/planted\.api\.md differs[^]*- +one: 1;[^]*\+ export type T = 1;/),
    ]);
    expect(differences(before, new Map())).toEqual(["api/planted.api.md is missing"]);
    expect(differences(new Map(), before)).toEqual(["api/planted.api.md is the report of no entry"]);
  });

  test("a public declaration and a member without documentation are reported, each with its declaration", () => {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "@wsession/planted" }));
    const program = [
      "export interface Bare {",
      "  /** Milliseconds. */",
      "  readonly told: number;",
      "  readonly untold: string;",
      "}",
      "/** Says so. */",
      "export declare function f(): Bare;",
    ];
    writeFileSync(join(folder, "planted.d.ts"), program.join("\n"));
    const reports = reportsOf([{ name: "planted", folder, types: "planted.d.ts", module: "" }]);
    expect(undocumentedIn(reports)).toEqual([
      "api/planted.api.md: no documentation for `export interface Bare {`",
      "api/planted.api.md: no documentation for `readonly untold: string;`",
    ]);
  });
});

describe("what is published", () => {
  const good = ["LICENSE", "README.md", "package.json", "dist/index.js", "dist/index.d.ts", "src/index.ts"];

  test("a tarball with its sources, its licence and its README passes", () => {
    expect(checkPaths(good)).toEqual([]);
  });

  test.each([
    ["test/index.test.ts", "is not for users"],
    ["src/index.test.ts", "is not for users"],
    ["dist/.tsbuildinfo", "is not for users"],
    [".turbo/turbo-build.log", "is not for users"],
    ["tsconfig.json", "is not for users"],
    [".env", "is not for users"],
    ["dist/renamed.js", "has no source any more"],
  ])("a tarball with %s is reported", (path, sentence) => {
    expect(checkPaths([...good, path])).toContainEqual(expect.stringContaining(`${path} ${sentence}`));
  });

  test("the build removes a compiled file without a source, also in a room that is gone, and keeps its own state", () => {
    const put = (path: string) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), "");
    };
    const kinds = ["js", "js.map", "d.ts", "d.ts.map"];
    const compiled = (name: string) => kinds.map((kind) => `dist/${name}.${kind}`);
    const stale = [...compiled("renamed"), ...compiled("gone/moved"), "dist/copied.mjs"];
    expect(staleOutput(folder)).toEqual([]);
    for (const path of ["src/index.ts", "src/room/file.ts", "dist/.tsbuildinfo"]) put(path);
    for (const path of [...compiled("index"), ...compiled("room/file"), ...stale]) put(path);
    expect(staleOutput(folder).toSorted()).toEqual(stale.toSorted());
  });

  test("a tarball without a licence is reported", () => {
    expect(checkPaths(good.slice(1))).toEqual(["LICENSE is missing"]);
  });

  test("a manifest with another repository, which npm's provenance refuses, is reported", () => {
    const [{ manifest } = { manifest: {} }] = publishedPackages();
    expect(checkManifest("adapter-bun", { ...manifest })).toEqual([]);
    expect(checkManifest("adapter-ws", { ...manifest })).toHaveLength(2);
  });

  test("a dependency under a licence without a decision is reported, and so is one without a licence", () => {
    const manifest = { name: "a", version: "1.0.0" };
    const installed = new Map([
      ["b", "MIT"],
      ["c", "AGPL-3.0"],
      ["d", undefined],
    ]);
    expect(checkLicences(manifest, installed)).toEqual([
      "a brings c, whose licence is AGPL-3.0",
      "a brings d, whose licence is unknown",
    ]);
  });

  test("the dependencies of dependencies count too, each in the version that is found from its place", () => {
    const put = (place: string, manifest: object) => {
      mkdirSync(join(folder, place), { recursive: true });
      writeFileSync(join(folder, place, "package.json"), JSON.stringify(manifest));
    };
    put("node_modules/b", { name: "b", license: "MIT", dependencies: { c: "1", missing: "1" } });
    put("node_modules/b/node_modules/c", { name: "c", license: "AGPL-3.0", dependencies: { b: "1" } });
    put("node_modules/c", { name: "c", license: "MIT" });
    const manifest = { name: "a", version: "1.0.0", dependencies: { b: "1", c: "2" } };
    expect(installedWith({ folder: join(folder, "packages", "a"), manifest })).toEqual([
      ["b", "MIT"],
      ["c", "MIT"],
      ["c", "AGPL-3.0"],
      ["missing", undefined],
    ]);
    const cli = publishedPackages().find((one) => one.manifest.name === "@wsession/cli");
    expect(cli && installedWith(cli).map(([name]) => name)).toEqual(
      expect.arrayContaining(["@wsession/store-redis", "ioredis", "@ioredis/commands"]),
    );
  });

  test("packages of two versions are reported, and a range that does not take the own version is", () => {
    const core = { name: "@wsession/core", version: "1.2.0" };
    const found = checkVersions([
      core,
      { name: "@wsession/a", version: "1.1.0", peerDependencies: { "@wsession/core": "^1.2.0" } },
      { name: "@wsession/b", version: "1.2.0", dependencies: { "@wsession/core": "^1.1.0" } },
    ]);
    expect(found).toEqual([
      "@wsession/a has version 1.1.0, and other packages have 1.2.0",
      "@wsession/b wants @wsession/core ^1.1.0, not ^1.2.0",
    ]);
    expect(checkVersions(publishedPackages().map(({ manifest }) => manifest))).toEqual([]);
  });
});

describe("the next version", () => {
  const put = (file: string, content: unknown) =>
    writeFileSync(join(folder, file), typeof content === "string" ? content : JSON.stringify(content));
  const read = (file: string) => readFileSync(join(folder, file), "utf8");
  const note = (kind: string, text: string) => `---\n"@wsession/core": ${kind}\n---\n\n${text}\n`;

  beforeEach(() => {
    for (const each of ["packages/core", "packages/http", ".changeset"])
      mkdirSync(join(folder, each), { recursive: true });
    const core = { name: "@wsession/core", version: "0.1.3" };
    const peerDependencies = { "@wsession/core": "^0.1.3", ws: "^8.0.0" };
    const http = { name: "@wsession/http", version: "0.1.3", peerDependencies };
    put("packages/core/package.json", core);
    put("packages/http/package.json", http);
    put("package-lock.json", { packages: { "packages/core": core, "packages/http": http } });
    put("CHANGELOG.md", "# Changes\n\n## Unreleased\n\n### Added\n\n- Much.\n");
    put(".changeset/README.md", "how");
  });

  test.each([
    ["patch", "0.1.4"],
    ["minor", "0.2.0"],
    ["major", "1.0.0"],
  ])("a %s change gives every package and every range %s", (kind, version) => {
    put(".changeset/a.md", note("patch", "A fix."));
    put(".changeset/b.md", note(kind, "Health\nof a process.\n\nAnd more."));
    expect(setNextVersion(folder)).toBe(version);
    const manifest: unknown = JSON.parse(read("packages/http/package.json"));
    const expected = { version, peerDependencies: { "@wsession/core": `^${version}`, ws: "^8.0.0" } };
    expect(manifest).toMatchObject(expected);
    expect(JSON.parse(read("package-lock.json"))).toMatchObject({ packages: { "packages/http": expected } });
    expect(read("CHANGELOG.md")).toBe(
      `# Changes\n\n## Unreleased\n\n## ${version}\n\n- A fix.\n- Health\n  of a process.\n\n  And more.\n\n### Added\n\n- Much.\n`,
    );
    expect(readdirSync(join(folder, ".changeset"))).toEqual(["README.md"]);
  });

  test.each([
    ["no change at all", undefined, "no change to release"],
    ["a change of an unknown kind", note("huge", "x"), "patch, minor, major"],
    ["a change of an unknown package", '---\n"@wsession/cor": minor\n---\n', "a published package"],
    ["a change without a head", "just a text", "must begin with lines"],
  ])("%s is refused, and nothing is changed", (_, content, sentence) => {
    if (content !== undefined) put(".changeset/a.md", content);
    expect(() => setNextVersion(folder)).toThrow(ToolError);
    expect(() => setNextVersion(folder)).toThrow(sentence);
    expect(read("packages/core/package.json")).toContain("0.1.3");
    expect(read("CHANGELOG.md")).not.toContain("## 0");
  });
});

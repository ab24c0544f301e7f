// Redis 8, Valkey 8.1 and a newer C library from the packages of Debian 13, unpacked into node_modules/.cache: the system is not changed.
import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { provideTools } from "./provide.mjs";
import { root } from "./run-tool.mjs";
import { patching, ToolError, usualFolders } from "./tools.mjs";

const FOLDER = join(root, "node_modules", ".cache", "wsession-debian13");
const SYSTEM = join(FOLDER, "root");
const PROGRAMS = join(FOLDER, "bin");
const PACKAGES = [
  ...["redis-server", "redis-tools", "valkey-server", "valkey-tools"],
  // What those programs, Node.js and the binaries of uWebSockets.js are linked with.
  ...[
    "libc6",
    "libstdc++6",
    "libgcc-s1",
    "libatomic1",
    "zlib1g",
    "libssl3t64",
    "libsystemd0",
    "libjemalloc2",
  ],
  ...["liblzf1", "liblua5.1-0", "libcap2", "liblz4-1", "libzstd1", "liblzma5"],
];
const DONE = join(FOLDER, "done");

/**
 * @typedef {object} Debian13
 * @property {(kind: "redis" | "valkey") => Record<string, string>} servers the environment variables that name the programs of a server
 * @property {(program: string, name: string) => Promise<string>} relink resolves with the path of a copy of a program: the copy is called
 *   `name`, and runs on Debian 13's C library
 */

/**
 * Resolves with the programs, which are unpacked if they are missing. Rejects with a ToolError where there is no Debian or Ubuntu.
 *
 * @returns {Promise<Debian13>}
 */
export async function provideDebian13() {
  const tools = await provideTools(process.env, usualFolders, patching);
  const patchelf = tools["WSESSION_PATCHELF"] ?? "patchelf";
  if (!existsSync(DONE)) await unpack(patchelf);
  return {
    servers: (kind) => ({
      WSESSION_REDIS_SERVER: join(PROGRAMS, `${kind}-server`),
      WSESSION_REDIS_SENTINEL: join(PROGRAMS, `${kind}-sentinel`),
      WSESSION_REDIS_CLI: join(PROGRAMS, `${kind}-cli`),
    }),
    relink: (program, name) => relink(patchelf, program, name),
  };
}

/** @param {string} patchelf */
async function unpack(patchelf) {
  rmSync(FOLDER, { recursive: true, force: true });
  const debs = join(FOLDER, "debs");
  for (const folder of [
    debs,
    SYSTEM,
    PROGRAMS,
    join(FOLDER, "lists", "partial"),
    join(FOLDER, "archives", "partial"),
  ])
    mkdirSync(folder, { recursive: true });
  const sources = join(FOLDER, "sources.list");
  writeFileSync(
    sources,
    `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror()} trixie main\n`,
  );
  const options = {
    "Dir::Etc::sourcelist": sources,
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::State::lists": join(FOLDER, "lists"),
    "Dir::Cache": FOLDER,
    "APT::Sandbox::User": "root",
  };
  const apt = ["-qq", ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`])];
  await run("apt-get", [...apt, "update"]);
  await run("apt-get", [...apt, "download", ...PACKAGES], debs);
  for (const deb of readdirSync(debs)) await run("dpkg", ["-x", join(debs, deb), SYSTEM]);
  for (const kind of ["redis", "valkey"]) {
    const packaged = join(SYSTEM, "usr", "bin");
    const server = await relink(patchelf, join(packaged, `${kind}-server`), `${kind}-server`);
    await relink(patchelf, join(packaged, `${kind}-cli`), `${kind}-cli`);
    // Redis starts as a Sentinel if its program has that name.
    copyFileSync(server, join(PROGRAMS, `${kind}-sentinel`));
  }
  writeFileSync(DONE, "");
}

/**
 * Copies a program, and sets the copy's interpreter and libraries to those of Debian 13. Resolves with the path of the copy.
 *
 * @param {string} patchelf
 * @param {string} program
 * @param {string} name
 */
async function relink(patchelf, program, name) {
  const copy = join(PROGRAMS, name);
  if (existsSync(copy)) return copy;
  const unfinished = `${copy}.unfinished`;
  copyFileSync(program, unfinished);
  const interpreter = (await run(patchelf, ["--print-interpreter", unfinished])).trim();
  // Debian 13 has `/lib` and `/lib64` in `/usr` alone.
  const libraries = readdirSync(join(SYSTEM, "usr", "lib"))
    .filter((entry) => entry.endsWith("-linux-gnu"))
    .map((entry) => join(SYSTEM, "usr", "lib", entry));
  const settings = [
    "--set-interpreter",
    join(SYSTEM, "usr", interpreter),
    "--set-rpath",
    libraries.join(":"),
  ];
  await run(patchelf, [...settings, unfinished]);
  renameSync(unfinished, copy);
  return copy;
}

/** The mirror that this system's apt uses: another one may be out of reach. */
function mirror() {
  const texts = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"]
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, "utf8"));
  return (
    /^[^#]*?(https?:\/\/\S+\/debian)\/?(?=\s)/m.exec(texts.join("\n"))?.[1] ?? "http://deb.debian.org/debian"
  );
}

/**
 * Resolves with what a program printed. Rejects with a ToolError, the program's last words, if it fails.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {string} [cwd]
 * @returns {Promise<string>}
 */
function run(program, args, cwd = FOLDER) {
  const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (errors += text));
  return new Promise((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new ToolError(`${program} is missing: this needs Debian or Ubuntu.`, { cause })),
    );
    child.once("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new ToolError(`${program} failed: ${errors.trim().split("\n").at(-1) ?? `exit ${code}`}`));
    });
  });
}

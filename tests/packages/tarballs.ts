/** Packs the publishable packages, and makes the empty projects they are installed into. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./commands.ts";

export const repository = join(import.meta.dirname, "..", "..");

export const packageFolders = [
  "protocol",
  "client",
  "core",
  "adapter-ws",
  "adapter-uws",
  "adapter-bun",
  "store-redis",
  "http",
  "opentelemetry",
  "conformance",
] as const;
/** The packages with modules, and the package that has a command alone. */
const publishedFolders = [...packageFolders, "cli"] as const;
export type PackageFolder = (typeof publishedFolders)[number];

export interface Manifest {
  readonly name: string;
  readonly main: string;
  readonly types: string;
  readonly typesVersions?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export async function manifestOf(folder: PackageFolder): Promise<Manifest> {
  return JSON.parse(await readFile(join(repository, "packages", folder, "package.json"), "utf8")) as Manifest;
}

/** These peers of a package, with their ranges as its manifest has them. */
export async function peersOf(
  folder: PackageFolder,
  names: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const { peerDependencies = {} } = await manifestOf(folder);
  return Object.fromEntries(names.map((name) => [name, peerDependencies[name] ?? "is not a peer"]));
}

/** Packages that this repository has installed, with their versions. */
export async function developedWith(names: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const entries = names.map(async (name) => {
    const manifest = await readFile(join(repository, "node_modules", name, "package.json"), "utf8");
    return [name, (JSON.parse(manifest) as { version: string }).version] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

export interface Tarball {
  readonly file: string;
  /** The paths in the tarball. */
  readonly paths: readonly string[];
}

export interface ProjectOptions {
  readonly packages?: readonly PackageFolder[];
  /** Other dependencies, with their versions. */
  readonly others?: Readonly<Record<string, string>>;
  readonly parent?: string;
  readonly workspaces?: readonly string[];
}

/** A folder outside the repository, with tarballs, and projects that contain only a manifest. */
export class Workshop implements AsyncDisposable {
  readonly #folder: string;
  readonly #tarballs = new Map<PackageFolder, Tarball>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Packs every package. */
  static async open(): Promise<Workshop> {
    const workshop = new Workshop(await mkdtemp(join(tmpdir(), "wsession-packages-")));
    try {
      await workshop.#pack();
    } catch (error) {
      await workshop[Symbol.asyncDispose]();
      throw error;
    }
    return workshop;
  }

  /** All of them in one process of npm. */
  async #pack(): Promise<void> {
    const workspaces = publishedFolders.flatMap((folder) => ["--workspace", join("packages", folder)]);
    // They are built: `prepack` would build them again, under the tests that run meanwhile.
    const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", this.#folder, ...workspaces];
    const packed = JSON.parse(await run(repository, "npm", args)) as {
      name: string;
      filename: string;
      files: { path: string }[];
    }[];
    for (const folder of publishedFolders) {
      const { filename, files } = packed.find(({ name }) => name === `@wsession/${folder}`)!;
      const tarball = { file: join(this.#folder, filename), paths: files.map(({ path }) => path) };
      this.#tarballs.set(folder, tarball);
    }
  }

  tarball(folder: PackageFolder): Tarball {
    return this.#tarballs.get(folder)!;
  }

  /** A new project with these dependencies, which are not installed yet. Its folder is inside `parent`, or beside the tarballs. */
  async project(
    name: string,
    { packages = [], others = {}, parent = this.#folder, ...more }: ProjectOptions,
  ): Promise<string> {
    const folder = join(parent, name);
    await mkdir(folder);
    const own = packages.map((one) => [`@wsession/${one}`, `file:${this.tarball(one).file}`] as const);
    const dependencies = { ...Object.fromEntries(own), ...others };
    const manifest = { name, version: "1.0.0", private: true, type: "module", dependencies, ...more };
    await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
    return folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

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
  "store-redis",
  "http",
  "conformance",
] as const;
export type PackageFolder = (typeof packageFolders)[number];

export interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export async function manifestOf(folder: PackageFolder): Promise<Manifest> {
  return JSON.parse(await readFile(join(repository, "packages", folder, "package.json"), "utf8")) as Manifest;
}

export interface Tarball {
  readonly file: string;
  /** The paths in the tarball. */
  readonly paths: readonly string[];
}

/** A folder outside the repository, with tarballs, and projects that contain only a manifest. */
export class Workshop implements AsyncDisposable {
  readonly #folder: string;
  readonly #tarballs = new Map<PackageFolder, Tarball>();
  #projects = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Packs every package. */
  static async open(): Promise<Workshop> {
    const workshop = new Workshop(await mkdtemp(join(tmpdir(), "wsession-packages-")));
    try {
      for (const folder of packageFolders) workshop.#tarballs.set(folder, await workshop.#pack(folder));
    } catch (error) {
      await workshop[Symbol.asyncDispose]();
      throw error;
    }
    return workshop;
  }

  async #pack(folder: PackageFolder): Promise<Tarball> {
    const source = join(repository, "packages", folder);
    // They are built: `prepack` would build them again, under the tests that run meanwhile.
    const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", this.#folder];
    const printed = await run(source, "npm", args);
    const [packed] = JSON.parse(printed) as { filename: string; files: { path: string }[] }[];
    return { file: join(this.#folder, packed!.filename), paths: packed!.files.map(({ path }) => path) };
  }

  tarball(folder: PackageFolder): Tarball {
    return this.#tarballs.get(folder)!;
  }

  /** A new project that depends on nothing. */
  async project(): Promise<string> {
    this.#projects += 1;
    const folder = join(this.#folder, `project-${this.#projects}`);
    await mkdir(folder);
    const manifest = { name: "a-user", version: "1.0.0", private: true, type: "module" };
    await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
    return folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

// The address of the repository, which the root manifest names once for all.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..");

/** @type {{ repository?: string | { url: string } }} */
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const named = typeof manifest.repository === "string" ? manifest.repository : manifest.repository?.url;

/** Without a trailing slash, for example `https://github.com/OWNER/NAME`. */
export const repository = (named ?? "https://github.com/wsession/wsession")
  .replace(/^git\+/, "")
  .replace(/\.git$/, "");

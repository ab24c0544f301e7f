import process from "node:process";

/** The name and the version of the runtime that runs this process. */
export function runtimeName() {
  const { bun, deno, node } = process.versions;
  if (bun !== undefined) return `Bun ${bun}`;
  return deno === undefined ? `Node.js ${node}` : `Deno ${deno}`;
}

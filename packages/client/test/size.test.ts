import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { expect, test } from "vitest";

const entry = join(import.meta.dirname, "..", "dist", "index.js");

/** What a page loads for these exports: bundled with what they use of the protocol, and minified. */
async function bundle(exports: string): Promise<string> {
  const id = "page.js";
  const build = await rolldown({
    input: id,
    platform: "browser",
    plugins: [
      {
        name: "page",
        resolveId: (source) => (source === id ? id : null),
        load: (source) => (source === id ? `export { ${exports} } from ${JSON.stringify(entry)};` : null),
      },
    ],
  });
  try {
    const { output } = await build.generate({ format: "esm", minify: true });
    return output[0].code;
  } finally {
    await build.close();
  }
}

test("connect, with the parts of the protocol that it uses, stays below its size limits, minified and compressed by gzip", async () => {
  const bytes = gzipSync(await bundle("connect"), { level: 9 }).byteLength;
  expect(bytes).toBeLessThanOrEqual(7_680);
});

test("a page loads no module of Node and no part of the protocol that only a server needs", async () => {
  const code = await bundle("connect, isClientError, isTransactionRefused, tokenInMemory, tokenInStorage");
  expect(code).not.toMatch(/\bimport\b|\brequire\(|node:/);
  // The reader of a client's frames, and the writer of a server's.
  expect(code).not.toContain("this server speaks version");
  expect(code).not.toContain(".h${");
});

/** The client with the WebSocket of the runtime itself: a short form of `npm run test:runtimes` that downloads nothing. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const hasWebSocket = Number(process.versions.node.split(".")[0]) >= 22;

async function run(...args: readonly string[]) {
  const cases = join(import.meta.dirname, "cases.mjs");
  // Node.js 20 has the same class behind a flag, and says on stderr that this is an experiment.
  const flags = hasWebSocket ? [] : ["--experimental-websocket", "--no-warnings"];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, cases, ...args]);
  return JSON.parse(stdout) as {
    readonly runtime: string;
    readonly passed: number;
    readonly failures: readonly { readonly name: string }[];
  };
}

test("the client passes the cases of attaching with the WebSocket that Node.js has itself", async () => {
  const { runtime, passed, failures } = await run("--subject", "attaching");
  expect(failures).toEqual([]);
  expect(passed).toBeGreaterThan(5);
  expect(runtime).toBe(`Node.js ${process.versions.node}`);
});

test("a client that loses its first numbered message on that WebSocket is found", async () => {
  const { failures } = await run("--subject", "numbering", "--broken");
  expect(failures.length).toBeGreaterThan(0);
});

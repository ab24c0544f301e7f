// The conformance suite of clients, on the runtime that runs this file, with the WebSocket that this runtime has itself:
//   cases.mjs [--subject attaching] [--broken]
// Prints one JSON object: the runtime, how many cases passed, and those that failed. `--broken` plants a fault that has to be found.
import { connect } from "@wsession/client";
import { clientCases, runClientCase } from "@wsession/conformance";
import process from "node:process";
import { parseArgs } from "node:util";
import { runtimeName } from "../../other-runtimes/runtime-name.mjs";

const { values } = parseArgs({ options: { subject: { type: "string" }, broken: { type: "boolean" } } });

/** Each first numbered message of a connection gets lost. */
class Broken extends globalThis.WebSocket {
  #hasLost = false;

  /** @param {string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>} data */
  send(data) {
    const isLost = !this.#hasLost && typeof data === "string" && data.startsWith("=");
    if (isLost) this.#hasLost = true;
    else super.send(data);
  }
}

/** @type {import("@wsession/conformance").ClientHarness} */
const harness = {
  connect: (url, options) => connect(url, { ...options, ...(values.broken && { WebSocket: Broken }) }),
};

/** @type {{ name: string, reason: string }[]} */
const failures = [];
let passed = 0;
for (const [subject, cases] of Object.entries(clientCases)) {
  if (values.subject !== undefined && subject !== values.subject) continue;
  for (const one of cases) {
    try {
      await runClientCase(one, harness, { timeoutMs: values.broken ? 2_000 : 15_000 });
      passed += 1;
    } catch (error) {
      failures.push({ name: `${subject}: ${one.name}`, reason: String(error) });
    }
  }
}
process.stdout.write(`${JSON.stringify({ runtime: runtimeName(), passed, failures })}\n`, () =>
  process.exit(0),
);

// The conformance suite of adapters, on the runtime that runs this file:
//   adapter-cases.ts --adapter bun|ws [--subject heartbeat …] [--name 'I12'] [--broken] [--at-once 8]
//   adapter-cases.ts --adapter bun --suite asWebSocket   runs the cases of `asWebSocket` on connections of the adapter
// Prints one JSON object: the runtime, how many cases passed, and those that failed. `--broken` plants a fault that has to be found.
import { asWebSocket } from "@wsession/adapter-ws";
import { adapterCases, runAdapterCase } from "@wsession/conformance";
import type { AdapterCase, AdapterHarness } from "@wsession/conformance";
import process from "node:process";
import { parseArgs } from "node:util";
import { socketCases } from "../web-socket/cases.ts";
import { dropping } from "../web-socket/dropping.ts";
import { harnesses, losing } from "./adapter-harnesses.ts";
import { runtimeName } from "./runtime-name.mjs";

const { values } = parseArgs({
  options: {
    adapter: { type: "string", default: "ws" },
    suite: { type: "string", default: "adapter" },
    subject: { type: "string", multiple: true },
    name: { type: "string" },
    broken: { type: "boolean", default: false },
    "at-once": { type: "string", default: "1" },
  },
});

const sound = harnesses[values.adapter];
if (sound === undefined) throw new Error(`there is no harness ${values.adapter}`);
const isOfSockets = values.suite === "asWebSocket";
const harness: AdapterHarness = values.broken && !isOfSockets ? losing(sound) : sound;
const suite: Readonly<Record<string, readonly AdapterCase[]>> = isOfSockets
  ? { asWebSocket: socketCases(values.broken ? dropping : asWebSocket) }
  : adapterCases;

/**
 * The subjects whose cases need a process that answers in time. They run one at a time, after the others: beside a case that sends 24 MiB, the
 * peers in this process may miss a heartbeat.
 */
const ALONE: ReadonlySet<string> = new Set(["heartbeat", "liveness", "shutdown"]);

interface Waiting {
  readonly subject: string;
  readonly one: AdapterCase;
}

const waiting: Waiting[] = [];
for (const [subject, cases] of Object.entries(suite)) {
  if (values.subject?.includes(subject) === false) continue;
  for (const one of cases)
    if (one.applies?.(harness) !== false && one.name.includes(values.name ?? ""))
      waiting.push({ subject, one });
}

const failures: { name: string; reason: string }[] = [];
let passed = 0;

/** Runs the cases of a list, which several calls may share. */
async function runAll(cases: Waiting[]): Promise<void> {
  for (let next = cases.shift(); next !== undefined; next = cases.shift()) {
    const { subject, one } = next;
    try {
      await runAdapterCase(one, harness, { timeoutMs: values.broken ? 2_000 : 15_000 });
      passed += 1;
    } catch (error) {
      failures.push({ name: `${subject}: ${one.name}`, reason: String(error) });
    }
  }
}

const together = waiting.filter(({ subject }) => !ALONE.has(subject));
const alone = waiting.filter(({ subject }) => ALONE.has(subject));
await Promise.all(Array.from({ length: Number(values["at-once"]) }, () => runAll(together)));
await runAll(alone);
process.stdout.write(`${JSON.stringify({ runtime: runtimeName(), passed, failures })}\n`, () =>
  process.exit(0),
);

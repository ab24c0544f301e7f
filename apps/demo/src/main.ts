/** `npm run demo`: reads the arguments, starts, prints the page's address, and ends on a signal. */
import process from "node:process";
import { HELP, readArguments } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import type { Demo, Voice } from "./demo.ts";
import { DemoFailure } from "./failure.ts";
import { startProcesses } from "./processes.ts";
import { startSingle } from "./single.ts";

const IMPATIENT_AFTER_MS = 500;

const voice: Voice = { say: (sentence) => console.error(sentence), fail };

try {
  const args = readArguments(process.argv.slice(2));
  if (args.help) console.log(HELP);
  else await run(args);
} catch (error) {
  fail(error);
}

async function run({ port, redis, processes }: Arguments): Promise<void> {
  const demo = await (redis === undefined
    ? startSingle(port, voice)
    : startProcesses({ port, redis, processes }, voice));
  endOnSignal(demo);
  console.log(`\n  wsession demo: ${demo.url}\n\n  ${demo.summary}\n  Ctrl-C ends it.\n`);
}

function endOnSignal(demo: Demo): void {
  let askedAt: number | undefined;
  const end = (): void => {
    // Ctrl-C sends two signals, one of them through npm. Two signals at once are one request; a later one ends the demo at once.
    if (askedAt !== undefined && Date.now() - askedAt > IMPATIENT_AFTER_MS) process.exit(130);
    askedAt ??= Date.now();
    demo.close().then(() => process.exit(0), fail);
  };
  process.on("SIGTERM", end).on("SIGINT", end);
}

function fail(error: unknown): void {
  if (error instanceof DemoFailure) console.error(`wsession demo: ${error.message}`);
  else console.error(error);
  process.exit(1);
}

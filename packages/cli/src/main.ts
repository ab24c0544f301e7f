#!/usr/bin/env node
// The command `wsession`: the process around `run`.
import { EXIT } from "./failures.ts";
import { run } from "./run.ts";

/** How long connections may take to close once the command has ended. */
const CLOSING_MS = 2_000;

const interrupted = new AbortController();

for (const signal of ["SIGINT", "SIGTERM"] as const)
  // A second Ctrl-C ends the process at once, as without a handler.
  process.once(signal, () => {
    interrupted.abort();
    setTimeout(() => process.exit(EXIT.interrupted), CLOSING_MS).unref();
  });

for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // Nobody reads any more, as with `| head`.
    if (error.code === "EPIPE") process.exit(EXIT.fine);
    throw error;
  });

const { env, stdout, stderr } = process;
const code = await run(process.argv.slice(2), { stdout, stderr, env, signal: interrupted.signal });
// Timers of the store may be left. The output is written first.
stdout.write("", () => process.exit(code));

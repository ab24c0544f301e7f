#!/usr/bin/env node
// The command `wsession`: the process around `run`.
import { EXIT } from "./failures.ts";
import { run } from "./run.ts";

/** How long connections may take to close after Ctrl-C. The process then ends without them. */
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
    // The reader of the output has ended, as with `| head`.
    if (error.code === "EPIPE") process.exit(EXIT.fine);
    throw error;
  });

const { env, stdout, stderr } = process;
const code = await run(process.argv.slice(2), { stdout, stderr, env, signal: interrupted.signal });
// Without exit, timers of the store could keep the process alive. The empty write waits until the output is written.
stdout.write("", () => process.exit(code));

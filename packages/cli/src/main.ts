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

const { env, stdout, stderr } = process;
stdout.on("error", endWithoutOutput);
// Nobody can read the messages. The exit code still says how the command ended.
stderr.on("error", () => undefined);
const code = await run(process.argv.slice(2), { stdout, stderr, env, signal: interrupted.signal });
// Without exit, timers of the store could keep the process alive. The empty write waits until the output is written.
stdout.write("", (error) => {
  if (error) endWithoutOutput(stdout.errored ?? error);
  else process.exit(code);
});

function endWithoutOutput(error: NodeJS.ErrnoException): void {
  // The reader of the output has ended, as with `| head`.
  if (error.code === "EPIPE") process.exit(EXIT.fine);
  // Otherwise a listing that is cut off by a full disk would count as complete.
  stderr.write(`wsession: the output can't be written: ${error.message}\n`);
  process.exit(EXIT.failed);
}

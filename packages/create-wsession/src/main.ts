#!/usr/bin/env node
// The command `create-wsession`: the process around `run`.
import { EXIT } from "./failures.ts";
import { run } from "./run.ts";

const { stdin, stdout, stderr, env } = process;

// Without listeners the process would end with a stack, and an application that was written would count as failed.
stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader of the output has ended, as with `| head`.
  if (error.code === "EPIPE") return;
  stderr.write(`create-wsession: the output can't be written: ${error.message}\n`);
  process.exitCode = EXIT.failure;
});
// Nobody can read the messages. The exit code still says how the command ended.
stderr.on("error", () => undefined);

const code = await run(process.argv.slice(2), {
  workingDirectory: process.cwd(),
  userAgent: env["npm_config_user_agent"],
  terminal: stdin.isTTY && stdout.isTTY ? { input: stdin, output: stdout } : undefined,
  print: (text) => stdout.write(text),
  printError: (text) => stderr.write(text),
});
process.exitCode ||= code;

#!/usr/bin/env node
// The command `create-wsession`: the process around `run`.
import { run } from "./run.ts";

const { stdin, stdout, stderr, env } = process;

process.exitCode = await run(process.argv.slice(2), {
  workingDirectory: process.cwd(),
  userAgent: env["npm_config_user_agent"],
  terminal: stdin.isTTY && stdout.isTTY ? { input: stdin, output: stdout } : undefined,
  print: (text) => stdout.write(text),
  printError: (text) => stderr.write(text),
});

import { readFile } from "node:fs/promises";
import { isSessionError } from "@wsession/core";
import { type Command, parseInvocation } from "./arguments.ts";
import { destroy } from "./commands/destroy.ts";
import { doctor } from "./commands/doctor.ts";
import { inspect } from "./commands/inspect.ts";
import { revoke } from "./commands/revoke.ts";
import { show } from "./commands/show.ts";
import { subject } from "./commands/subject.ts";
import { watch } from "./commands/watch.ts";
import { Context, type Io } from "./context.ts";
import { EXIT, explain, UsageError } from "./failures.ts";
import { helpOf } from "./help.ts";
import { Printer } from "./output/printer.ts";

/** Runs the command of `args`, and resolves with the exit code. Never rejects. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const { env, stdout, stderr, signal } = io;
  const plain = new Printer(false, stdout, stderr, env);
  let printer = plain;
  try {
    const invocation = parseInvocation(args, env);
    if (invocation.type === "help") stdout.write(helpOf(invocation.of));
    if (invocation.type === "version") stdout.write(`${await ownVersion()}\n`);
    if (invocation.type !== "run") return EXIT.fine;
    const { command, target, json } = invocation;
    printer = new Printer(json, stdout, stderr, env);
    await using context = new Context(target, printer, io);
    return await carryOut(context, command);
  } catch (error) {
    if (signal.aborted) return EXIT.interrupted;
    const isUsage = error instanceof UsageError;
    printer.value({ error: explain(error) });
    plain.message(`wsession: ${explain(error)}${adviceFor(error)}`);
    return isUsage ? EXIT.usage : EXIT.failed;
  }
}

function adviceFor(error: unknown): string {
  if (error instanceof UsageError) return ". See wsession --help";
  const why = explain(error);
  if (/\bMOVED\b/.test(why)) return ". The server is a node of a Cluster: give --cluster";
  if (/cluster support disabled/i.test(why)) return ". The server is not a Cluster: leave --cluster out";
  return isSessionError(error, "STORE_UNAVAILABLE") ? ". Run wsession doctor for the cause" : "";
}

async function carryOut(context: Context, command: Command): Promise<number> {
  switch (command.name) {
    case "inspect":
      return inspect(context, command.list);
    case "show":
      return show(context, command.id, command.data);
    case "subject":
      return subject(context, command.subject);
    case "destroy":
      return destroy(context, command);
    case "revoke":
      return revoke(context, command);
    case "watch":
      return watch(context, command);
    case "doctor":
      return doctor(context);
  }
}

async function ownVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "";
}

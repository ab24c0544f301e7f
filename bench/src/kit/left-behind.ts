/** Children and folders of a bench that ends by an error or a signal. */
import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { constants } from "node:os";

interface Leftover {
  readonly child: ChildProcess;
  readonly signal: "SIGKILL" | "SIGTERM";
  readonly folder: string;
}

const leftovers = new Set<Leftover>();

/**
 * Ends the child with this signal and removes the folder when the process exits. Otherwise a bench that fails, or that Ctrl-C ends, would
 * leave servers, which take CPU time from the next bench. Returns the function that the caller calls once it has done both itself.
 */
export function endAtExit(leftover: Leftover): () => void {
  if (leftovers.size === 0) {
    process.on("exit", endAll);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, exitBy);
  }
  leftovers.add(leftover);
  return () => {
    if (!leftovers.delete(leftover) || leftovers.size > 0) return;
    process.off("exit", endAll);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, exitBy);
  };
}

function exitBy(signal: "SIGINT" | "SIGTERM" | "SIGHUP"): void {
  process.exit(128 + constants.signals[signal]);
}

function endAll(): void {
  for (const { child, signal, folder } of leftovers) {
    child.kill(signal);
    rmSync(folder, { recursive: true, force: true });
  }
}

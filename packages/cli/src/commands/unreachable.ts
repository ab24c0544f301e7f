import type { Printer } from "../output/printer.ts";

/** Prints the processes that did not confirm a destruction. */
export function printUnreachable(printer: Printer, processes: Iterable<string>): void {
  for (const process of processes)
    printer.line(
      printer.style("yellow", `${process} did not answer: its connections close once it runs again`),
    );
}

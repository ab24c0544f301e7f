import { confirm } from "../confirm.ts";
import type { Command } from "../arguments.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../failures.ts";
import { count } from "../output/format.ts";
import { printUnreachable } from "./unreachable.ts";

/** Destroys one session, or all sessions of a subject, in all processes. */
export async function destroy(
  context: Context,
  { id, subject, reason, yes }: Extract<Command, { name: "destroy" }>,
): Promise<number> {
  const { printer, signal, where } = context;
  const what = id === undefined ? `all sessions of the subject ${subject}` : `the session ${id}`;
  if (!(await confirm(`Destroy ${what} at ${where}?`, yes, signal))) return EXIT.interrupted;
  const sessions = context.sessions();
  const report =
    id === undefined
      ? await sessions.destroySubject(subject ?? "", reason)
      : await sessions.destroy(id, reason);
  const { destroyed, closed, unreachable } = report;
  printer.value(report);
  printer.line(`${count(destroyed, "session")} destroyed, ${count(closed, "connection")} closed`);
  printUnreachable(printer, unreachable);
  return destroyed > 0 && unreachable.length === 0 ? EXIT.fine : EXIT.failed;
}

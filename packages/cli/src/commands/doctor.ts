import type { Finding } from "@wsession/store-redis/inspection";
import type { Context } from "../context.ts";
import { EXIT } from "../failures.ts";

const MARKS = { ok: ["ok", "green"], note: ["note", "yellow"], problem: ["PROBLEM", "red"] } as const;

/** Checks the servers as a store does before it uses them, and prints what to do about each finding. */
export async function doctor({ inspection, printer, where }: Context): Promise<number> {
  const { ok, findings } = await inspection.check();
  printer.value({ ok, findings });
  printer.line(`Redis at ${where}`);
  printer.line();
  for (const finding of findings) {
    const [mark, style] = MARKS[finding.level];
    const { server, topic, message, remedy } = finding;
    const at = server === "" ? "" : ` (${server})`;
    printer.line(printer.style(style, mark.padEnd(8)), ` ${topic.padEnd(11)} ${message}${at}`);
    if (remedy !== undefined) printer.line(" ".repeat(21), printer.style("cyan", `-> ${remedy}`));
  }
  printer.line();
  printer.line(summary(findings));
  return ok ? EXIT.fine : EXIT.failed;
}

function summary(findings: readonly Finding[]): string {
  const problems = findings.filter(({ level }) => level === "problem").length;
  const notes = findings.filter(({ level }) => level === "note").length;
  if (problems === 0) return notes === 0 ? "All is well." : "wsession can use this Redis. See the notes.";
  return `${problems === 1 ? "One problem" : `${problems} problems`}: wsession can't be relied on with this Redis.`;
}

import type { InspectedMemory, InspectedSession } from "@wsession/store-redis/inspection";
import type { Context } from "../context.ts";
import { EXIT, explain } from "../failures.ts";
import { bytes, count, duration } from "../output/format.ts";
import type { Printer } from "../output/printer.ts";
import { Census, type ProcessCount } from "./census.ts";

/** How many of the subjects with the most sessions are listed. */
const MOST_SUBJECTS = 5;
/** How many unreadable records are named. */
const MOST_UNREADABLE = 20;

/** Counts everything that the store has in Redis. With `list`, each session too. */
export async function inspect(context: Context, list: boolean): Promise<number> {
  const { inspection, printer, signal, where } = context;
  const census = new Census();
  const listed: InspectedSession[] = [];
  const bar = context.progress();
  let failure: unknown;
  try {
    for await (const step of inspection.scan()) {
      if (signal.aborted) break;
      census.add(step);
      if (list) for (const record of step.records) if (record.type === "session") listed.push(record.session);
      bar.update(step.progress, count(census.sessions, "session"));
    }
  } catch (error) {
    // There are no counts to print: the error alone is the answer.
    if (census.isEmpty) throw error;
    failure = error;
  } finally {
    bar.end();
  }
  if (signal.aborted) return EXIT.interrupted;
  // Redis may have stopped answering during the scan. The counts up to that time are shown in spite of that.
  const orMissing = async <Result, Missing>(asked: Promise<Result>, missing: Missing) => {
    try {
      return await asked;
    } catch (error) {
      failure ??= error;
      return missing;
    }
  };
  const [processes, memory] = await Promise.all([
    Promise.all(
      [...census.processes.values()].map(async (process) => ({
        ...process,
        alive: await orMissing(inspection.isAlive(process.process), null),
      })),
    ),
    orMissing(inspection.memory(), []),
  ]);
  if (signal.aborted) return EXIT.interrupted;
  const complete = failure === undefined;
  printer.value({
    complete,
    ...(complete ? {} : { error: explain(failure) }),
    sessions: census.sessions,
    withSubject: census.withSubject,
    connected: census.connected,
    connections: census.connections,
    destroyed: census.destroyed,
    expired: census.expired,
    unreadable: census.unreadable,
    subjects: census.subjects.size,
    mostSessions: mostOf(census),
    processes,
    indexEntries: census.indexEntries,
    deadIndexEntries: census.deadIndexEntries,
    dataBytes: census.dataBytes,
    keptMessages: census.keptMessages,
    keptBytes: census.keptBytes,
    memory,
    ...(list && { list: listed }),
  });
  printer.row("Redis", where);
  printSessions(census, printer);
  printProcesses(processes, printer);
  printMemory(census, memory, printer);
  for (const session of listed) printer.line(lineOf(session));
  for (const id of census.unreadable.slice(0, MOST_UNREADABLE)) printer.line(`unreadable: ${id}`);
  if (!complete) printer.message(`wsession: not all sessions were counted: ${explain(failure)}`);
  return complete && census.unreadable.length === 0 ? EXIT.fine : EXIT.failed;
}

function mostOf({ subjects }: Census): { readonly subject: string; readonly sessions: number }[] {
  return [...subjects]
    .map(([subject, sessions]) => ({ subject, sessions }))
    .toSorted((one, other) => other.sessions - one.sessions)
    .slice(0, MOST_SUBJECTS);
}

function printSessions(census: Census, printer: Printer): void {
  const { sessions, withSubject, connected, connections } = census;
  printer.row("sessions", `${sessions} (${withSubject} with a subject)`, "bold");
  printer.row("connected", `${count(connected, "session")}, ${count(connections, "connection")}`);
  printer.row("destroyed", count(census.destroyed, "tombstone"));
  if (census.expired > 0) printer.row("past a deadline", String(census.expired));
  const most = mostOf(census).filter((subject) => subject.sessions > 1);
  const names = most.map(({ subject, sessions: own }) => `${subject} ${own}`).join(", ");
  printer.row(
    "subjects",
    names === "" ? String(census.subjects.size) : `${census.subjects.size} (most: ${names})`,
  );
  const { deadIndexEntries, indexEntries, unreadable } = census;
  printer.row("dead index entries", `${deadIndexEntries} of ${indexEntries}`);
  printer.row("unreadable records", String(unreadable.length), unreadable.length > 0 ? "red" : undefined);
}

function printProcesses(
  /** `alive` is null if Redis did not answer. */
  processes: readonly (ProcessCount & { readonly alive: boolean | null })[],
  printer: Printer,
): void {
  for (const [index, process] of processes.entries()) {
    const held = `${count(process.sessions, "session")}, ${count(process.connections, "connection")}`;
    const isLost = process.alive === false;
    const text = `${process.process}: ${held}${isLost ? ", without a lease" : ""}`;
    printer.row(index === 0 ? "held by" : "", text, isLost ? "yellow" : undefined);
  }
  if (processes.length === 0) printer.row("held by", "no process");
}

function printMemory(census: Census, memory: readonly InspectedMemory[], printer: Printer): void {
  for (const [index, { server, usedBytes, maxBytes }] of memory.entries()) {
    const limit = maxBytes === 0 ? "no limit" : `limit ${bytes(maxBytes)}`;
    const name = server === "" ? "" : `${server}: `;
    printer.row(index === 0 ? "memory of Redis" : "", `${name}${bytes(usedBytes)} used, ${limit}`);
  }
  printer.row("data of sessions", `${bytes(census.dataBytes)} at most`);
  if (census.keptMessages > 0)
    printer.row("kept messages", `${census.keptMessages}, ${bytes(census.keptBytes)}`);
}

function lineOf(session: InspectedSession): string {
  const connections = session.holders.reduce((sum, holder) => sum + holder.connections, 0);
  const until = duration(Math.min(session.idleInMs, session.absoluteInMs));
  const parts = [
    session.id,
    count(connections, "connection").padEnd(14),
    `version ${session.version}`.padEnd(12),
    `ends in ${until}`.padEnd(18),
    session.subject ?? "",
  ];
  return parts.join("  ").trimEnd();
}

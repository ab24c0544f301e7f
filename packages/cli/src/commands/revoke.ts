import { isSessionError } from "@wsession/core";
import type { InspectedSession } from "@wsession/store-redis/inspection";
import type { Command } from "../arguments.ts";
import { confirm } from "../confirm.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../failures.ts";
import { count } from "../output/format.ts";
import { printUnreachable } from "./unreachable.ts";

type Revocation = Extract<Command, { name: "revoke" }>;

/** How many sessions are destroyed at the same time. */
const AT_ONCE = 16;

/** Destroys all sessions that began before a time. A session of unknown age stays, and makes the command fail. */
export async function revoke(context: Context, revocation: Revocation): Promise<number> {
  const { printer, signal } = context;
  const found = await find(context, revocation);
  if (signal.aborted) return EXIT.interrupted;
  const { old, unknown } = found;
  const before = new Date(revocation.before).toISOString();
  const isDry = revocation.dryRun || old.length === 0;
  const question = `Destroy ${count(old.length, "session")} from before ${before} at ${context.where}?`;
  if (!isDry && !(await confirm(question, revocation.yes, signal))) return EXIT.interrupted;
  const result = { destroyed: 0, closed: 0, failed: 0, unreachable: new Set<string>() };
  if (!isDry) await destroyAll(context, old, revocation.reason, result);
  const { destroyed, closed, failed, unreachable } = result;
  printer.value({
    before,
    dryRun: revocation.dryRun,
    scanned: found.scanned,
    old: old.length,
    unknown,
    destroyed,
    closed,
    failed,
    unreachable: [...unreachable],
  });
  printer.row("sessions", String(found.scanned));
  printer.row(`from before ${before}`, String(old.length));
  if (!revocation.dryRun) printer.row("destroyed", `${destroyed}, ${count(closed, "connection")} closed`);
  if (unknown.length > 0)
    printer.row("of unknown age", `${unknown.length}, kept: ${unknown.slice(0, 3).join(" ")}`, "yellow");
  if (failed > 0) printer.row("failed", `${failed}: run the command again`, "red");
  printUnreachable(printer, unreachable);
  if (signal.aborted) return EXIT.interrupted;
  return unknown.length === 0 && failed === 0 && unreachable.size === 0 ? EXIT.fine : EXIT.failed;
}

interface Found {
  scanned: number;
  readonly old: string[];
  readonly unknown: string[];
}

async function find(context: Context, revocation: Revocation): Promise<Found> {
  const { inspection, signal } = context;
  const found: Found = { scanned: 0, old: [], unknown: [] };
  const bar = context.progress();
  try {
    for await (const { records, progress } of inspection.scan()) {
      if (signal.aborted) break;
      const sessions = records.flatMap((record) => (record.type === "session" ? [record.session] : []));
      const began = await Promise.all(sessions.map((session) => beganAt(context, session, revocation)));
      for (const [index, { id }] of sessions.entries()) {
        const at = began[index];
        found.scanned += 1;
        if (at === undefined) found.unknown.push(id);
        else if (at < revocation.before) found.old.push(id);
      }
      for (const record of records) if (record.type === "unreadable") found.unknown.push(record.id);
      bar.update(progress, `${count(found.scanned, "session")}, ${found.old.length} to destroy`);
    }
  } finally {
    bar.end();
  }
  return found;
}

/**
 * Returns when a session began, in milliseconds since the epoch, or `undefined` if that is unknown. For a session that has ended
 * meanwhile it returns infinity, because such a session needs no end.
 */
async function beganAt(
  { inspection }: Context,
  session: InspectedSession,
  { field, absoluteMs }: Revocation,
): Promise<number | undefined> {
  if (field !== undefined) {
    try {
      const data = await inspection.data(session.id);
      return data === undefined ? Number.POSITIVE_INFINITY : timeIn(data, field);
    } catch (error) {
      if (isSessionError(error, "CORRUPT_RECORD")) return undefined;
      throw error;
    }
  }
  const lifetime = session.own?.absoluteMs ?? absoluteMs;
  if (lifetime === undefined || !Number.isFinite(session.absoluteInMs)) return undefined;
  return Date.now() + session.absoluteInMs - lifetime;
}

/** The time in a field of the data: milliseconds since the epoch, or text of ISO 8601. */
function timeIn(data: object, field: string): number | undefined {
  const value: unknown = Object.hasOwn(data, field) ? Reflect.get(data, field) : undefined;
  const ms = typeof value === "number" ? value : typeof value === "string" ? Date.parse(value) : Number.NaN;
  // A time in seconds would be read as a time in 1970, and every session would be old.
  return ms >= Date.UTC(2000) && ms < Date.UTC(2200) ? ms : undefined;
}

async function destroyAll(
  context: Context,
  ids: readonly string[],
  reason: string | undefined,
  result: { destroyed: number; closed: number; failed: number; readonly unreachable: Set<string> },
): Promise<void> {
  const { signal } = context;
  const sessions = context.sessions();
  const bar = context.progress();
  try {
    for (let first = 0; first < ids.length && !signal.aborted; first += AT_ONCE) {
      const batch = ids.slice(first, first + AT_ONCE).map((id) => sessions.destroy(id, reason));
      for (const answer of await Promise.allSettled(batch)) {
        if (answer.status === "rejected") {
          result.failed += 1;
          continue;
        }
        result.destroyed += answer.value.destroyed;
        result.closed += answer.value.closed;
        for (const node of answer.value.unreachable) result.unreachable.add(node);
      }
      bar.update(first / ids.length, `${count(result.destroyed, "session")} destroyed`);
    }
  } finally {
    bar.end();
  }
}

import { isSessionError } from "@wsession/core";
import type { InspectedHolder, InspectedRecord, InspectedSession } from "@wsession/store-redis/inspection";
import type { Context } from "../context.ts";
import { EXIT } from "../failures.ts";
import { bytes, count, duration } from "../output/format.ts";
import type { Printer } from "../output/printer.ts";
import { safeJson } from "../output/safe-text.ts";

/** Shows one session, and its data only if asked to: the data may contain personal data and secrets of the application. */
export async function show(context: Context, id: string, withData: boolean): Promise<number> {
  const { inspection, printer } = context;
  const record = await inspection.record(id);
  if (record.type !== "session") return showAbsent(record, printer);
  const { session } = record;
  const [holders, redisBytes, data] = await Promise.all([
    withLeaseState(context, session),
    inspection.memoryOf(id),
    withData ? dataOf(context, id) : undefined,
  ]);
  printer.value({ type: "session", ...session, holders, redisBytes: redisBytes ?? null, ...data });
  printer.row("session", session.id, "bold");
  printer.row("subject", session.subject ?? "(none)");
  printer.row(
    "version",
    `${session.version} (schema version ${session.schemaVersion}, fence ${session.fence})`,
  );
  printer.row("idle deadline", deadline(session.idleInMs, session.own?.idleMs));
  printer.row("absolute deadline", deadline(session.absoluteInMs, session.own?.absoluteMs));
  for (const [index, holder] of holders.entries()) {
    const state = holder.alive ? "" : ", process without a lease";
    const text = `${holder.process}: ${count(holder.connections, "connection")}${state}`;
    printer.row(index === 0 ? "held by" : "", text, holder.alive ? undefined : "yellow");
  }
  if (holders.length === 0) printer.row("held by", "no process");
  const { outbox } = session;
  if (outbox !== undefined)
    printer.row("kept messages", `${outbox.messages}, ${bytes(outbox.bytes)}, up to offset ${outbox.offset}`);
  printer.row(
    "size",
    `data ${bytes(session.bytes)} at most${redisBytes === undefined ? "" : `, in Redis ${bytes(redisBytes)}`}`,
  );
  if (data?.unreadable === true) printer.row("data", "unreadable", "red");
  else if (data !== undefined) printer.row("data", safeJson(data.data));
  else printer.row("data", "not shown: --data shows it");
  return data?.unreadable === true ? EXIT.failed : EXIT.fine;
}

/** Returns the holders of a session, each with `alive`: whether its process has its lease. */
export async function withLeaseState(
  { inspection }: Context,
  { holders }: InspectedSession,
): Promise<readonly (InspectedHolder & { readonly alive: boolean })[]> {
  return Promise.all(
    holders.map(async (holder) => ({ ...holder, alive: await inspection.isAlive(holder.process) })),
  );
}

async function dataOf({ inspection }: Context, id: string) {
  try {
    return { data: await inspection.data(id), unreadable: false };
  } catch (error) {
    if (isSessionError(error, "CORRUPT_RECORD")) return { data: undefined, unreadable: true };
    throw error;
  }
}

function deadline(inMs: number, own: number | undefined): string {
  const at = Number.isFinite(inMs) ? `in ${duration(inMs)}` : "never";
  return own === undefined ? at : `${at} (the session's own lifetime: ${duration(own)})`;
}

function showAbsent(record: Exclude<InspectedRecord, { type: "session" }>, printer: Printer): number {
  printer.value(record);
  printer.row("session", record.id, "bold");
  switch (record.type) {
    case "destroyed": {
      const how = record.replaced ? "ended by a newer login of its subject" : "destroyed";
      printer.row("state", record.reason === undefined ? how : `${how}: ${record.reason}`, "yellow");
      break;
    }
    case "expired":
      printer.row("state", "past a deadline", "yellow");
      break;
    case "missing":
      printer.row(
        "state",
        "not there: it has expired, was destroyed some time ago, or never existed",
        "yellow",
      );
      break;
    case "unreadable":
      printer.row(
        "state",
        "unreadable: written by a newer release, or damaged. `wsession destroy` removes it",
        "red",
      );
      break;
  }
  return EXIT.failed;
}

import type { Context } from "../context.ts";
import { EXIT } from "../failures.ts";
import { count, duration } from "../output/format.ts";
import { withLeaseState } from "./show.ts";

/** Shows the sessions of a subject. */
export async function subject(context: Context, name: string): Promise<number> {
  const { inspection, printer } = context;
  const found = await inspection.subject(name);
  const withHolders = await Promise.all(
    found.sessions.map(async (session) => ({ ...session, holders: await withLeaseState(context, session) })),
  );
  // Connected sessions come first.
  const sessions = withHolders.toSorted((one, other) => connectionsOf(other) - connectionsOf(one));
  printer.value({ ...found, sessions, destroyedAt: found.destroyedAt ?? null });
  printer.row("subject", name, "bold");
  printer.row("sessions", String(sessions.length));
  for (const session of sessions) {
    const { id, idleInMs, absoluteInMs, version } = session;
    const until = duration(Math.min(idleInMs, absoluteInMs));
    const connections = count(connectionsOf(session), "connection");
    printer.row("", `${id}  ${connections}, version ${version}, ends in ${until}`);
  }
  printer.row("dead index entries", String(found.dead.length));
  if (found.unreadable.length > 0) printer.row("unreadable records", found.unreadable.join(" "), "red");
  if (found.destroyedAt !== undefined)
    printer.row("last logout everywhere", new Date(found.destroyedAt).toISOString());
  return sessions.length > 0 && found.unreadable.length === 0 ? EXIT.fine : EXIT.failed;
}

/** Counts the connections on processes that have their leases: the others are gone. */
function connectionsOf({
  holders,
}: {
  readonly holders: readonly { readonly alive: boolean; readonly connections: number }[];
}): number {
  return holders.reduce((sum, holder) => sum + (holder.alive ? holder.connections : 0), 0);
}

import type { InspectedHolder, InspectedRecord, InspectedSession } from "@wsession/store-redis/inspection";

/** A difference of one session between two scans of the store. */
export type Change =
  | {
      readonly type: "created" | "connected" | "disconnected" | "identified";
      readonly id: string;
      readonly connections: number;
      readonly subject: string | undefined;
    }
  | { readonly type: "changed"; readonly id: string; readonly version: number }
  | { readonly type: "sent"; readonly id: string; readonly offset: number }
  | {
      readonly type: "destroyed";
      readonly id: string;
      readonly reason: string | undefined;
      readonly replaced: boolean;
    }
  | { readonly type: "ended"; readonly id: string };

interface Seen {
  readonly version: number;
  readonly connections: number;
  readonly offset: number;
  readonly subject: string | undefined;
  /** The number of the last scan that found the session. */
  readonly scan: number;
}

/** Compares each scan of all sessions with the scan before. */
export class Changes {
  readonly #seen = new Map<string, Seen>();
  #scan = 0;

  /** Begins a scan. The first scan only records the sessions, because otherwise each of them would count as created. */
  begin(): void {
    this.#scan += 1;
  }

  add(records: readonly InspectedRecord[], isOfInterest: (session: InspectedSession) => boolean): Change[] {
    return records.flatMap((record) => {
      if (record.type === "session")
        return isOfInterest(record.session) ? this.#compare(record.session) : this.#leave(record.session);
      if (record.type !== "destroyed" || !this.#seen.delete(record.id)) return [];
      const { id, reason, replaced } = record;
      return [{ type: "destroyed", id, reason, replaced }];
    });
  }

  /**
   * Returns the sessions that the scan did not find. Do not call this after an incomplete scan: sessions that it did not reach would
   * count as ended.
   */
  end(): Change[] {
    const ended: Change[] = [];
    for (const [id, { scan }] of this.#seen) {
      if (scan === this.#scan) continue;
      this.#seen.delete(id);
      ended.push({ type: "ended", id });
    }
    return ended;
  }

  #compare({ id, subject, version, holders, outbox }: InspectedSession): Change[] {
    const before = this.#seen.get(id);
    const connections = connectionsOf(holders);
    const offset = outbox?.offset ?? 0;
    this.#seen.set(id, { version, connections, offset, subject, scan: this.#scan });
    if (this.#scan === 1) return [];
    if (before === undefined) return [{ type: "created", id, connections, subject }];
    const changes: Change[] = [];
    if (subject !== before.subject) changes.push({ type: "identified", id, connections, subject });
    if (connections > before.connections) changes.push({ type: "connected", id, connections, subject });
    if (connections < before.connections) changes.push({ type: "disconnected", id, connections, subject });
    if (version > before.version) changes.push({ type: "changed", id, version });
    if (offset > before.offset) changes.push({ type: "sent", id, offset });
    return changes;
  }

  /** Drops a session that another subject has got, because otherwise its absence from later scans would count as its end. */
  #leave({ id, subject, holders }: InspectedSession): Change[] {
    if (!this.#seen.delete(id)) return [];
    return [{ type: "identified", id, connections: connectionsOf(holders), subject }];
  }
}

function connectionsOf(holders: readonly InspectedHolder[]): number {
  return holders.reduce((sum, holder) => sum + holder.connections, 0);
}

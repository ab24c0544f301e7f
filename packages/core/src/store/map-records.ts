import type { StoredSession, WriteResult } from "./contract.ts";
import { MapClients } from "./map-clients.ts";
import { snapshot } from "./map-entry.ts";
import type { Entry } from "./map-entry.ts";
import { MapLifetimes } from "./map-lifetimes.ts";
import { MapOutboxes } from "./map-outboxes.ts";

/** The record of a session in `mapStore` beside its entry, and the whole session in the form of the store's contract. */
export class MapRecords {
  readonly outboxes: MapOutboxes;
  readonly clients: MapClients = new MapClients();
  readonly lifetimes: MapLifetimes = new MapLifetimes();

  constructor(maxOutboxBytes: number) {
    this.outboxes = new MapOutboxes(maxOutboxBytes);
  }

  /** The session ended. */
  delete(id: string): void {
    this.outboxes.delete(id);
    this.clients.delete(id);
    this.lifetimes.delete(id);
  }

  /**
   * Another subject gets the session. Messages for the former subject must not reach the new one, and the former subject's client
   * records must not settle messages of the new one.
   */
  clear(id: string): void {
    this.outboxes.clear(id);
    this.clients.clear(id);
  }

  snapshot(id: string, entry: Entry): StoredSession {
    const outbox = this.outboxes.end(id);
    const clients = this.clients.of(id);
    const own = this.lifetimes.of(id);
    return {
      ...snapshot(entry),
      ...(outbox && { outbox }),
      ...(clients && { clients }),
      ...(own && { own }),
    };
  }

  /** The answer to a write. `known`: the caller's version, whose direct successor needs no session in the answer. */
  written(id: string, entry: Entry, known: number): Extract<WriteResult, { type: "written" }> {
    const { version } = entry;
    return {
      type: "written",
      version,
      session: version === known + 1 ? undefined : this.snapshot(id, entry),
    };
  }
}

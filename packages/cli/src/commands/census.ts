import type { InspectedSession, ScanStep } from "@wsession/store-redis/inspection";

/** The sessions and connections that one process holds. */
export interface ProcessCount {
  readonly process: string;
  readonly node: string;
  sessions: number;
  connections: number;
}

/** The counts of a scan. */
export class Census {
  sessions = 0;
  withSubject = 0;
  connected = 0;
  connections = 0;
  destroyed = 0;
  expired = 0;
  indexEntries = 0;
  deadIndexEntries = 0;
  dataBytes = 0;
  keptMessages = 0;
  keptBytes = 0;
  readonly unreadable: string[] = [];
  readonly subjects: Map<string, number> = new Map<string, number>();
  readonly processes: Map<string, ProcessCount> = new Map<string, ProcessCount>();

  get isEmpty(): boolean {
    return this.sessions + this.destroyed + this.expired + this.unreadable.length + this.indexEntries === 0;
  }

  add({ records, indexes }: ScanStep): void {
    for (const record of records) {
      if (record.type === "session") this.#addSession(record.session);
      else if (record.type === "destroyed") this.destroyed += 1;
      else if (record.type === "expired") this.expired += 1;
      else if (record.type === "unreadable") this.unreadable.push(record.id);
    }
    for (const { entries, dead } of indexes) {
      this.indexEntries += entries;
      this.deadIndexEntries += dead;
    }
  }

  #addSession({ subject, holders, bytes, outbox }: InspectedSession): void {
    this.sessions += 1;
    this.dataBytes += bytes;
    this.keptMessages += outbox?.messages ?? 0;
    this.keptBytes += outbox?.bytes ?? 0;
    if (subject !== undefined) {
      this.withSubject += 1;
      this.subjects.set(subject, (this.subjects.get(subject) ?? 0) + 1);
    }
    if (holders.length > 0) this.connected += 1;
    for (const { process, node, connections } of holders) {
      this.connections += connections;
      const counted = this.processes.get(process) ?? { process, node, sessions: 0, connections: 0 };
      counted.sessions += 1;
      counted.connections += connections;
      this.processes.set(process, counted);
    }
  }
}

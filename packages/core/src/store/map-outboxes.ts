import type { Position } from "@wsession/protocol";
import { monotonicNow } from "./map-entry.ts";
import { MapOutbox } from "./map-outbox.ts";
import type { Appended } from "./map-outbox.ts";
import type { OutboxAppend, ReadRequest, ReadResult } from "./outbox-contract.ts";

/** The approximate bytes of an entry without its message. Without them the limit would not apply to empty messages. */
const ENTRY_BYTES = 128;

/** The outboxes of a map store. A session without any append has no outbox, so that it costs nothing. */
export class MapOutboxes {
  readonly #maxTotalBytes: number;
  /** Ordered by the last append. Over the limit the first outbox loses messages. */
  readonly #byId = new Map<string, MapOutbox>();
  #totalBytes = 0;

  constructor(maxTotalBytes: number) {
    this.#maxTotalBytes = maxTotalBytes;
  }

  end(id: string): Position | undefined {
    return this.#byId.get(id)?.end;
  }

  append(id: string, messages: OutboxAppend): Appended {
    const outbox = this.#byId.get(id) ?? new MapOutbox();
    this.#byId.delete(id);
    this.#byId.set(id, outbox);
    const result = this.#counted(outbox, () => outbox.append(messages, monotonicNow()));
    this.#dropOverTotal();
    return result;
  }

  read(request: ReadRequest): ReadResult {
    const outbox = this.#byId.get(request.id) ?? new MapOutbox();
    return this.#counted(outbox, () => outbox.read(request, monotonicNow()));
  }

  /** Drops the outbox of a session that is gone. */
  delete(id: string): void {
    this.clear(id);
    this.#byId.delete(id);
  }

  /** The session has a new subject: drops the messages of the former subject. Offsets continue. */
  clear(id: string): void {
    const outbox = this.#byId.get(id);
    if (outbox !== undefined) this.#counted(outbox, () => outbox.clear());
  }

  /** Drops entries past their age. Starts with the oldest append, so that the cost is proportional to the dropped entries. */
  sweep(): void {
    const now = monotonicNow();
    for (const outbox of this.#byId.values()) {
      if (outbox.size === 0) continue;
      this.#counted(outbox, () => outbox.dropOld(now));
      if (outbox.size > 0) return;
    }
  }

  #dropOverTotal(): void {
    for (const outbox of this.#byId.values()) {
      if (this.#totalBytes <= this.#maxTotalBytes) return;
      this.#counted(outbox, () => {
        const others = this.#totalBytes - sizeOf(outbox);
        while (outbox.size > 0 && others + sizeOf(outbox) > this.#maxTotalBytes) outbox.dropFirst();
      });
    }
  }

  #counted<Result>(outbox: MapOutbox, change: () => Result): Result {
    const before = sizeOf(outbox);
    const result = change();
    this.#totalBytes += sizeOf(outbox) - before;
    return result;
  }
}

function sizeOf({ size, bytes }: MapOutbox): number {
  return bytes + size * ENTRY_BYTES;
}

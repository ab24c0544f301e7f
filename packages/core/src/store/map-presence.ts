/** Presence and events of `mapStore`, with the sessions whose deadline passes. */
import type { CreateRequest } from "./contract.ts";
import { LocalPresence } from "./local-presence.ts";
import type { MapEntries } from "./map-entries.ts";
import { ExpiryTimers } from "./map-expiry.ts";

export class MapPresence extends LocalPresence {
  readonly #expiry: ExpiryTimers;

  /** `entries` is called later, because the entries report their deletions to this object. */
  constructor(entries: () => MapEntries) {
    super(() => entries().holdings());
    this.#expiry = new ExpiryTimers((id) => entries().left(id));
  }

  created({ id, subject, hold }: CreateRequest): void {
    if (hold) this.connected(id, subject);
    this.deadlineMoved(id);
  }

  /** The deadline may be earlier than before. */
  deadlineMoved(id: string): void {
    if (this.wants("expired")) this.#expiry.arm(id);
  }

  deleted(id: string): void {
    this.#expiry.disarm(id);
  }

  override close(): void {
    super.close();
    this.#expiry.close();
  }
}

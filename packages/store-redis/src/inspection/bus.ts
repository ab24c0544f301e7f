import { Warnings } from "@wsession/core/runtime";
import { retryPause } from "../base/retry-pause.ts";
import { reasonOf } from "../base/failures.ts";
import type { Listener } from "../drivers/driver.ts";
import { type Announcement, parseAnnouncement } from "../announcements/announcements.ts";
import type { Services } from "../holders/services.ts";
import type { Bus, BusEvent } from "./contract.ts";

/** Repeats of a message on the channels of other processes are recognised within this many messages. */
const REMEMBERED = 1_000;

/**
 * Listens on the channels of processes. Plain channels only: scripts publish to a plain channel if a sharded channel has no
 * subscriber. So a listener on the sharded channel of another process would take messages away from that process.
 */
export class ChannelListener implements Bus {
  readonly #services: Services;
  readonly #onEvent: (event: BusEvent) => void;
  readonly #channels = new Set<string>();
  readonly #recent = new Set<string>();
  readonly #warnings = new Warnings("catch the errors of the function that listen() was given");
  #listener: Listener | undefined;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(services: Services, onEvent: (event: BusEvent) => void) {
    this.#services = services;
    this.#onEvent = onEvent;
    const { calls } = services;
    const open = (): void => this.#open();
    calls.ready(calls.deadline()).then(open, open);
  }

  follow(processes: Iterable<string>): void {
    const fresh = [...processes]
      .map((process) => this.#services.keys.channel(process))
      .filter((channel) => !this.#channels.has(channel));
    if (fresh.length === 0) return;
    for (const channel of fresh) this.#channels.add(channel);
    const listener = this.#listener;
    if (listener?.isReady === true) listener.subscribe(fresh).catch(() => listener.cut());
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#listener?.cut();
  }

  #open(): void {
    if (this.#isClosed) return;
    let cause: Error | undefined;
    const { calls, connection } = this.#services;
    const listener = connection.createListener({
      // The message of a refused AUTH may quote the password.
      failed: (error) => (cause ??= reasonOf(error)),
      message: (text) => this.#onMessage(text),
      ended: () => {
        clearTimeout(limit);
        this.#interrupted(cause?.message ?? "the connection was lost");
      },
    });
    // No node of the Cluster is known yet.
    if (listener === undefined) return this.#openLater();
    this.#listener = listener;
    // A server that hangs would never answer.
    const limit = setTimeout(() => listener.cut(), connection.handshakeMs + calls.timeoutMs);
    this.#subscribe(listener).then(
      () => {
        clearTimeout(limit);
        this.#failures = 0;
        this.#emit({ type: "listening" });
      },
      (error: unknown) => {
        cause ??= reasonOf(error);
        listener.cut();
      },
    );
  }

  /** Calls the application's function. Its error becomes a warning: nobody awaits it, and it would end the process (I12). */
  #emit(event: BusEvent): void {
    // The function may have closed the bus while several events of one message were delivered.
    if (this.#isClosed) return;
    const call = async (): Promise<unknown> => this.#onEvent(event);
    call().catch((error: unknown) => this.#warnings.warn("listen", error));
  }

  async #subscribe(listener: Listener): Promise<void> {
    await listener.connect();
    await listener.subscribe([this.#services.keys.everybody, ...this.#channels]);
  }

  #interrupted(cause: string): void {
    this.#listener = undefined;
    if (this.#isClosed) return;
    if (this.#failures === 0) this.#emit({ type: "interrupted", cause });
    this.#openLater();
  }

  #openLater(): void {
    this.#retry = setTimeout(() => this.#open(), retryPause((this.#failures += 1)));
  }

  #onMessage(text: string): void {
    const event = toEvent(parseAnnouncement(text));
    // The same message goes to each process that holds the session.
    if (event === undefined || this.#recent.has(text)) return;
    this.#recent.add(text);
    if (this.#recent.size > REMEMBERED)
      for (const oldest of this.#recent.values()) {
        this.#recent.delete(oldest);
        break;
      }
    for (const one of event) this.#emit(one);
  }
}

/** `undefined` for messages that concern the processes alone. */
function toEvent(announcement: Announcement | undefined): readonly BusEvent[] | undefined {
  switch (announcement?.type) {
    case "event":
      return fromStoreEvent(announcement.event);
    case "deadlines":
      return [{ type: "extended", id: announcement.id }];
    case "subject": {
      const { subject, reason } = announcement;
      return [{ type: "subject-destroyed", subject, reason }];
    }
    case "states":
      return announcement.states.map(({ id, state }) => ({ type: "presence", id, state }));
    case "confirmations":
    case "watching":
    case undefined:
      return undefined;
  }
}

function fromStoreEvent(
  event: Extract<Announcement, { type: "event" }>["event"],
): readonly BusEvent[] | undefined {
  switch (event.type) {
    case "destroyed":
      return [{ type: "destroyed", id: event.id, reason: event.reason, replaced: event.replaced === true }];
    case "written":
      return [{ type: "changed", id: event.id, version: event.version }];
    case "appended":
      return [{ type: "sent", id: event.id, offset: event.end.offset }];
    case "replaced":
      return [{ type: "taken-over", id: event.id, fence: event.fence }];
    case "expired":
    case "extended":
    case "loaded":
      return undefined;
  }
}
